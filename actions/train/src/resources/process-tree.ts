import { readdirSync } from 'node:fs';
import { readKernelFile } from './cgroup.ts';

/** What commands and everything they started have used. */
export interface TreeUsage {
  /** Of processes that have ended, too. */
  cpuSeconds: number;
  /** Resident memory now; pages that processes share count for each of them. */
  memoryBytes: number;
  /** The most at any look, or the most that any one process has ever had, whichever is more. */
  peakMemoryBytes: number;
  /** Bytes that went to a disk. */
  writtenBytes: number;
}

interface Root {
  pid: number;
  /** Tells the process from a later one with the same id. */
  startedAt: string | undefined;
  cpuSeconds: number;
  writtenBytes: number;
}

/** Linux counts processor time in hundredths of a second wherever Node runs. */
const ticksPerSecond = 100;

/** Follows processes and all that they started, on Linux, through /proc; elsewhere there is nothing to follow. */
export class ProcessTree {
  readonly #roots: Root[] = [];
  #peakMemoryBytes = 0;

  add(pid: number): void {
    const { startedAt } = statusOf(pid) ?? {};
    this.#roots.push({ pid, startedAt, cpuSeconds: 0, writtenBytes: 0 });
  }

  /** Undefined where processes cannot be followed, or there are none yet. */
  usage(): TreeUsage | undefined {
    if (process.platform !== 'linux' || this.#roots.length === 0) return undefined;
    const processes = allProcesses();
    let memoryBytes = 0;
    for (const root of this.#roots) {
      const members = membersOf(root, processes);
      const read = members.map(({ pid }) => memoryAndDisk(pid));
      const sum = (amounts: readonly number[]) => amounts.reduce((total, amount) => total + amount, 0);
      memoryBytes += sum(read.map((each) => each.memoryBytes));
      this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, ...read.map((each) => each.peakMemoryBytes));
      // What has ended is counted with its parent; once the root itself has ended, the last figure stands.
      root.cpuSeconds = Math.max(root.cpuSeconds, sum(members.map((each) => each.cpuSeconds)));
      root.writtenBytes = Math.max(root.writtenBytes, sum(read.map((each) => each.writtenBytes)));
    }
    this.#peakMemoryBytes = Math.max(this.#peakMemoryBytes, memoryBytes);
    return {
      cpuSeconds: this.#roots.reduce((total, root) => total + root.cpuSeconds, 0),
      memoryBytes,
      peakMemoryBytes: this.#peakMemoryBytes,
      writtenBytes: this.#roots.reduce((total, root) => total + root.writtenBytes, 0),
    };
  }
}

interface ProcessStatus {
  pid: number;
  parent: number;
  session: number;
  startedAt: string;
  /** Its own, and that of its children that have ended. */
  cpuSeconds: number;
}

/** The root, what descends from it, and what was left behind in its session, as a command's is its own. */
function membersOf(root: Root, processes: ReadonlyMap<number, ProcessStatus>): ProcessStatus[] {
  const found = processes.get(root.pid);
  if (found && found.startedAt !== root.startedAt) return [];
  const members = new Set<number>([root.pid]);
  const belongs = (one: ProcessStatus): boolean => {
    const path: number[] = [];
    for (let at: ProcessStatus | undefined = one; at; at = processes.get(at.parent)) {
      if (members.has(at.pid) || at.session === root.pid) {
        for (const pid of path) members.add(pid);
        return true;
      }
      path.push(at.pid);
    }
    return false;
  };
  return [...processes.values()].filter(belongs);
}

function allProcesses(): Map<number, ProcessStatus> {
  const processes = new Map<number, ProcessStatus>();
  for (const name of readdirSync('/proc')) {
    const status = /^\d+$/.test(name) ? statusOf(Number(name)) : undefined;
    if (status) processes.set(status.pid, status);
  }
  return processes;
}

/** From /proc/<pid>/stat, see proc_pid_stat(5); undefined when the process has ended. */
function statusOf(pid: number): ProcessStatus | undefined {
  const text = readKernelFile(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The name stands in parentheses and may hold any character.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((total, field) => total + Number(field), 0);
  return {
    pid,
    parent: Number(fields[1]),
    session: Number(fields[3]),
    startedAt: fields[19] ?? '',
    cpuSeconds: ticks / ticksPerSecond,
  };
}

function memoryAndDisk(pid: number): { memoryBytes: number; peakMemoryBytes: number; writtenBytes: number } {
  const status = readKernelFile(`/proc/${pid}/status`) ?? '';
  const kilobytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  const io = readKernelFile(`/proc/${pid}/io`) ?? '';
  return {
    memoryBytes: kilobytes('VmRSS') * 1024,
    peakMemoryBytes: kilobytes('VmHWM') * 1024,
    writtenBytes: Number(/^write_bytes: (\d+)$/m.exec(io)?.[1] ?? 0),
  };
}
