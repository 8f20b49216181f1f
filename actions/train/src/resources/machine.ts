import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { type Cgroup, cgroupOf, readKernelFile } from './cgroup.ts';

/**
 * What a run may use of cores and memory, and how much of both is in use by everything on this machine; in a container
 * with limits, by everything in it.
 */
export class Machine {
  readonly #cgroup: Cgroup = cgroupOf({ cores: availableParallelism(), memoryBytes: totalmem() });
  /** In a container with a limit it may be a fraction. */
  readonly cores: number = this.#cgroup.cpu?.cores ?? availableParallelism();
  readonly memoryBytes: number = this.#cgroup.memory?.bytes ?? totalmem();
  /** Whether other containers may be at work on the same processors. */
  readonly isShared: boolean = this.#cgroup.cpu !== undefined || availableParallelism() < cpus().length;
  /** Those that this process may run on, where these are not all. */
  readonly #processors: Set<number> | undefined =
    availableParallelism() < cpus().length ? allowedProcessors() : undefined;
  #before = this.#times();

  /** Share of the cores that was busy since the last call, 0 to 1; undefined when no time has passed. */
  cpuShare(): number | undefined {
    const now = this.#times();
    const [busy, total] = [now.busy - this.#before.busy, now.total - this.#before.total];
    this.#before = now;
    return total > 0 ? Math.min(1, Math.max(0, busy / total)) : undefined;
  }

  memoryUsedBytes(): number {
    return this.#cgroup.memory?.usedBytes() ?? totalmem() - freemem();
  }

  /** Time that was spent working, and all that there was to spend. */
  #times(): { busy: number; total: number } {
    const used = this.#cgroup.cpu?.usedSeconds();
    if (used !== undefined) return { busy: used, total: (performance.now() / 1000) * this.cores };
    // On Linux one file tells it all; Node reads several for every core.
    const stat = process.platform === 'linux' ? readKernelFile('/proc/stat') : undefined;
    return stat === undefined ? timesOfCores() : timesOf(stat, this.#processors);
  }
}

/**
 * Ticks that were spent working, and all, by /proc/stat: of all processors, or of some. A line has user, nice, system,
 * idle, iowait, irq, softirq, steal, and then guests, which are in user already.
 */
export function timesOf(stat: string, processors?: ReadonlySet<number>): { busy: number; total: number } {
  let [busy, total] = [0, 0];
  for (const [, processor, fields = ''] of stat.matchAll(/^cpu(\d*) +(.*)$/gm)) {
    if (processors ? !processor || !processors.has(Number(processor)) : processor) continue;
    const ticks = fields.split(' ').slice(0, 8).map(Number);
    const [, , , idle = 0, iowait = 0] = ticks;
    const sum = ticks.reduce((total, each) => total + each, 0);
    busy += sum - idle - iowait;
    total += sum;
  }
  return { busy, total };
}

/** A list of the kernel such as `0-3,8`. */
export function processorsOf(list: string): Set<number> {
  const processors = new Set<number>();
  for (const [, from, to] of list.matchAll(/(\d+)(?:-(\d+))?/g))
    for (let i = Number(from); i <= Number(to ?? from); i += 1) processors.add(i);
  return processors;
}

function allowedProcessors(): Set<number> | undefined {
  const [, list] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readKernelFile('/proc/self/status') ?? '') ?? [];
  return list === undefined ? undefined : processorsOf(list);
}

function timesOfCores(): { busy: number; total: number } {
  let [busy, idle] = [0, 0];
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq;
    idle += times.idle;
  }
  return { busy, total: busy + idle };
}
