import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readKernelFile } from './cgroup.ts';

/** What was drawn so far in watt hours. */
export interface EnergySpent {
  cpuWh: number;
  /** The processors' own counters, or cores and load. */
  cpuSource: 'counters' | 'estimate';
  /** Undefined without a GPU that tells its power. */
  gpuWh: number | undefined;
}

/** Power over time as energy: between two readings their mean counts. */
export class PowerIntegral {
  readonly #longestGapMs: number;
  #last: { atMs: number; watts: number } | undefined;
  #joules = 0;

  /** What lies between readings that are further apart is unknown, as when a machine slept, and counts nothing. */
  constructor(longestGapMs: number) {
    this.#longestGapMs = longestGapMs;
  }

  /** A reading at a time that never goes back; undefined where the power is not known. */
  add(atMs: number, watts: number | undefined): void {
    const last = this.#last;
    this.#last = watts === undefined ? undefined : { atMs, watts };
    if (watts === undefined || !last || atMs - last.atMs > this.#longestGapMs) return;
    this.#joules += ((last.watts + watts) / 2) * ((atMs - last.atMs) / 1000);
  }

  get wattHours(): number {
    return this.#joules / 3600;
  }
}

/**
 * The energy that processors and their memory have drawn since it was opened, from the counters that Intel and AMD keep
 * (RAPL) and Linux shows in /sys/class/powercap. They are those of the whole machine, and since 2020 only root may read
 * them (CVE-2020-8694), so on most runners there are none.
 */
export class EnergyCounters {
  readonly #counters: { file: string; range: number; before: number }[];
  #microjoules = 0;

  private constructor(counters: { file: string; range: number; before: number }[]) {
    this.#counters = counters;
  }

  static open(folder = '/sys/class/powercap'): EnergyCounters | undefined {
    const counters = zonesIn(folder).flatMap((zone) => {
      const before = microjoulesIn(join(zone, 'energy_uj'));
      const range = microjoulesIn(join(zone, 'max_energy_range_uj'));
      const name = readKernelFile(join(zone, 'name'))?.trim() ?? '';
      // `core` and `uncore` are parts of a package, and `psys` holds packages that are counted already.
      const isCounted = name.startsWith('package') || name === 'dram';
      return isCounted && before !== undefined && range !== undefined
        ? [{ file: join(zone, 'energy_uj'), range, before }]
        : [];
    });
    return counters.length ? new EnergyCounters(counters) : undefined;
  }

  /** To be called more often than a counter runs over, which takes a quarter of an hour at 300 W. */
  wattHours(): number {
    for (const counter of this.#counters) {
      const now = microjoulesIn(counter.file);
      if (now === undefined) continue;
      this.#microjoules += counted(counter.before, now, counter.range);
      counter.before = now;
    }
    return this.#microjoules / 1e6 / 3600;
  }
}

/** What a counter has counted that starts again at 0 beyond `range`, when it has done so at most once. */
export function counted(before: number, now: number, range: number): number {
  return now >= before ? now - before : range - before + now;
}

function zonesIn(folder: string): string[] {
  try {
    // intel-rapl:0 is a package and intel-rapl:0:2 a part of it; intel-rapl-mmio:0 would be the package once more.
    return readdirSync(folder)
      .filter((name) => /^intel-rapl:\d+(:\d+)?$/.test(name))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function microjoulesIn(file: string): number | undefined {
  const text = readKernelFile(file)?.trim();
  return text && /^\d+$/.test(text) ? Number(text) : undefined;
}

/**
 * The power that cores and memory draw in watts, where it cannot be measured: between 0.74 W for an idle virtual core
 * and 3.54 W for a busy one, and 0.392 W for a gigabyte in use. These are the averages of Cloud Carbon Footprint for
 * Azure's servers, where GitHub's runners stand (AZURE_CLOUD_CONSTANTS in packages/azure/src/domain, read in 2026). The
 * cooling of the building is not in them.
 */
export function estimatedWatts(cores: number, cpuShare: number, memoryBytes: number): number {
  return cores * (0.74 + (3.54 - 0.74) * cpuShare) + 0.392 * (memoryBytes / 1e9);
}
