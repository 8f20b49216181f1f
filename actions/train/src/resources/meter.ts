import { statfs } from 'node:fs/promises';
import type { ResourceRecord } from '@mlops/core/record';
import { type Cost, costOf, hasPrice, rateOf } from './cost.ts';
import { EnergyCounters, estimatedWatts } from './energy.ts';
import { GpuReader } from './gpus.ts';
import { History } from './history.ts';
import { Machine } from './machine.ts';
import type { Prices } from './prices.ts';
import { ProcessTree } from './process-tree.ts';
import { columnsOf, resourceRecord } from './record.ts';
import { type Sample, statusText } from './sample.ts';

export type { Prices } from './prices.ts';

/** Points of each series that a record keeps. */
const mostPoints = 300;
/** Milliseconds to the first sample of a command; the time to each next one doubles up to the usual. */
const firstMs = 250;
/** Looking takes at most this part of one processor's time. */
const mostOverhead = 0.005;

/** What a run has used up so far. */
export interface Spent {
  seconds: number;
  energyWh: number;
  cost: Cost;
}

export interface MeterOptions {
  /** Its file system is looked at. */
  folder: string;
  /** Milliseconds between two samples (default 5000); fewer when a command starts, more where a sample takes long. */
  everyMs?: number;
  prices: Prices;
  /** Ends the looking, not what was seen. */
  signal: AbortSignal;
  onSample?: (sample: Sample, spent: Spent) => void;
  /** Names the runner, and finds nvidia-smi (default: this process's). */
  env?: NodeJS.ProcessEnv;
}

export interface Meter {
  readonly latest: Sample | undefined;
  readonly spent: Spent;
  /** Whether time or energy has a price, or a GPU may have that is not known yet; without one a budget ends nothing. */
  readonly hasPrice: boolean;
  /** What the machine does, in a few words; empty when nothing is known. */
  status(): string;
  /** Counts a command and all it starts among the run's processes. */
  addProcess(pid: number): void;
  /** Looks once more and tells what was seen. A second call gives the same. */
  stop(): Promise<ResourceRecord>;
}

/** Starts to look, now and then, at what a run uses of its machine: processors, memory, disk, GPUs, energy, money. */
export function startMeter(options: MeterOptions): Meter {
  return new RunningMeter(options);
}

class RunningMeter implements Meter {
  readonly #options: MeterOptions;
  readonly #everyMs: number;
  readonly #startedAtMs = performance.now();
  readonly #machine = new Machine();
  readonly #tree = new ProcessTree();
  readonly #gpus: GpuReader;
  readonly #counters: EnergyCounters | undefined;
  readonly #history = new History(mostPoints);
  #latest: Sample | undefined;
  #estimatedWh = 0;
  #diskFreeBytes: number | undefined;
  #isAskingDisk = false;
  #timer: NodeJS.Timeout | undefined;
  #pauseMs = firstMs;
  #stopped: Promise<ResourceRecord> | undefined;

  constructor(options: MeterOptions) {
    const { everyMs = 5000, signal, env = process.env } = options;
    this.#options = options;
    this.#everyMs = everyMs;
    this.#gpus = new GpuReader({ everyMs, env });
    // In a container they would count what others do on the same machine.
    this.#counters = this.#machine.isShared ? undefined : EnergyCounters.open();
    signal.addEventListener('abort', this.#end, { once: true });
    if (signal.aborted) this.#end();
    else this.#lookIn(firstMs);
  }

  get latest(): Sample | undefined {
    return this.#latest;
  }

  get hasPrice(): boolean {
    const { hour } = this.#options.prices;
    const mayCost = typeof hour === 'object' && hour.gpu !== undefined && this.#gpus.isAsking;
    return hasPrice(this.#rate()) || mayCost;
  }

  get spent(): Spent {
    const seconds = (performance.now() - this.#startedAtMs) / 1000;
    const energyWh = this.#cpuWattHours() + (this.#gpus.wattHours ?? 0);
    return { seconds, energyWh, cost: costOf(this.#rate(), seconds, energyWh) };
  }

  status(): string {
    return statusText(this.#latest);
  }

  addProcess(pid: number): void {
    this.#tree.add(pid);
    if (!this.#timer || this.#pauseMs === firstMs) return;
    clearTimeout(this.#timer);
    this.#lookIn(firstMs);
  }

  stop(): Promise<ResourceRecord> {
    this.#stopped ??= this.#finish();
    return this.#stopped;
  }

  async #finish(): Promise<ResourceRecord> {
    this.#look();
    this.#end();
    return resourceRecord({
      spent: this.spent,
      history: this.#history,
      machine: this.#machine,
      processes: this.#latest?.processes,
      gpus: this.#latest?.gpus ?? [],
      energy: {
        cpuWh: this.#cpuWattHours(),
        gpuWh: this.#gpus.wattHours,
        cpuSource: this.#counters ? 'counters' : 'estimate',
      },
      co2PerKwh: this.#options.prices.co2,
    });
  }

  readonly #end = () => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#gpus.close();
    this.#options.signal.removeEventListener('abort', this.#end);
  };

  #lookIn(ms: number): void {
    this.#pauseMs = ms;
    this.#timer = setTimeout(() => {
      const before = process.threadCpuUsage();
      this.#look();
      const { user, system } = process.threadCpuUsage(before);
      this.#lookIn(Math.max(Math.min(2 * ms, this.#everyMs), (user + system) / 1000 / mostOverhead));
    }, ms).unref();
  }

  #look(): void {
    this.#askDisk();
    const { cores, memoryBytes } = this.#machine;
    const memoryUsedBytes = this.#machine.memoryUsedBytes();
    const processes = this.#tree.usage();
    const before = this.#latest?.seconds ?? 0;
    const sample: Sample = {
      seconds: (performance.now() - this.#startedAtMs) / 1000,
      cpuShare: this.#machine.cpuShare(),
      memoryUsedBytes,
      memoryPeakBytes: Math.max(
        this.#latest?.memoryPeakBytes ?? 0,
        memoryUsedBytes,
        processes?.peakMemoryBytes ?? 0,
      ),
      memoryTotalBytes: memoryBytes,
      diskFreeBytes: this.#diskFreeBytes,
      processes,
      gpus: this.#gpus.samples(),
    };
    const watts = estimatedWatts(cores, sample.cpuShare ?? 0, sample.memoryUsedBytes);
    this.#estimatedWh += (watts * (sample.seconds - before)) / 3600;
    this.#latest = sample;
    this.#history.add(sample.seconds, columnsOf(sample));
    this.#options.onSample?.(sample, this.spent);
  }

  /** The answer counts from the next look on: a file system over a network that is gone may never give one. */
  #askDisk(): void {
    if (this.#isAskingDisk) return;
    this.#isAskingDisk = true;
    statfs(this.#options.folder)
      .then(
        ({ bavail, bsize }) => (this.#diskFreeBytes = bavail * bsize),
        () => (this.#diskFreeBytes = undefined),
      )
      .finally(() => (this.#isAskingDisk = false));
  }

  #cpuWattHours(): number {
    return this.#counters?.wattHours() ?? this.#estimatedWh;
  }

  #rate() {
    const { RUNNER_OS, RUNNER_ARCH, RUNNER_NAME, RUNNER_ENVIRONMENT } = this.#options.env ?? process.env;
    return rateOf(this.#options.prices, {
      runner: {
        os: RUNNER_OS ?? process.platform,
        arch: RUNNER_ARCH ?? process.arch,
        name: RUNNER_NAME ?? 'local',
        isHosted: RUNNER_ENVIRONMENT === 'github-hosted',
      },
      cores: this.#machine.cores,
      gpus: this.#gpus.names,
    });
  }
}
