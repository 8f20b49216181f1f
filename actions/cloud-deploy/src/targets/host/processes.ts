import { readdirSync, readFileSync } from 'node:fs';
import { waitFor } from '@mlops/core';
import { command } from '@mlops/core/process';

/** A process that can be told from a later one with the same pid. Processes are started as leaders of their group. */
export interface Identity {
  pid: number;
  /** When it started, as this system tells it; comparable for equality only. */
  started: string;
}

interface Row extends Identity {
  /** Its process group; on Windows, which has none, the pid itself. */
  group: number;
}

export async function identify(pid: number): Promise<Identity | undefined> {
  const found = (await living()).find((row) => row.pid === pid);
  return found && { pid, started: found.started };
}

export async function isRunning({ pid, started }: Identity): Promise<boolean> {
  return (await living()).some((row) => row.pid === pid && row.started === started);
}

/** Ends a process and everything in its group; nothing when it is gone, even if its pid belongs to another by now. */
export async function end(identity: Identity, graceMs: number): Promise<void> {
  if (await isRunning(identity)) await endGroup(identity.pid, graceMs);
}

/**
 * Ends the group of a process that this process has started: asks it to terminate, and kills what is left after the
 * grace. On Windows processes cannot be asked, so they are killed at once.
 */
export async function endGroup(pid: number, graceMs: number): Promise<void> {
  if (process.platform === 'win32') {
    await command('taskkill', ['/PID', String(pid), '/T', '/F'], { tolerate: true });
    return;
  }
  signalGroup(pid, 'SIGTERM');
  if (await isGone(pid, graceMs)) return;
  signalGroup(pid, 'SIGKILL');
  if (!(await isGone(pid, 5000))) throw new Error(`the processes of group ${pid} cannot be killed`);
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function isGone(group: number, withinMs: number): Promise<boolean> {
  const looked = waitFor(
    async () => ((await living()).some((row) => row.group === group) ? undefined : true),
    { what: `the end of process group ${group}`, deadlineMs: withinMs, everyMs: 50 },
  );
  return looked.catch((error) => {
    if (error.name === 'DeadlineError') return false;
    throw error;
  });
}

/** Every process that runs; one that has ended but was not yet reaped by its parent is not among them. */
async function living(): Promise<Row[]> {
  if (process.platform === 'linux') return fromProc();
  return process.platform === 'win32' ? fromPowerShell() : fromPs();
}

/** See proc_pid_stat(5); times count from boot, so the boot's id belongs to them. */
function fromProc(): Row[] {
  const boot = readIfThere('/proc/sys/kernel/random/boot_id').trim();
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = readIfThere(`/proc/${name}/stat`);
      // The command, in parentheses, may hold spaces and parentheses itself.
      const [state, , group, , , , , , , , , , , , , , , , , ticks] = stat
        .slice(stat.lastIndexOf(')') + 2)
        .split(' ');
      if (!state || 'ZX'.includes(state)) return [];
      return { pid: Number(name), group: Number(group), started: `${boot} ${ticks}` };
    });
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // The process ended while we looked.
  }
}

async function fromPs(): Promise<Row[]> {
  const { stdout } = await command('ps', ['-A', '-o', 'pid=,pgid=,stat=,lstart='], { env: { LC_ALL: 'C' } });
  return stdout.split('\n').flatMap((line) => {
    const [, pid, group, state = '', started = ''] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
    return pid && !state.startsWith('Z') ? { pid: Number(pid), group: Number(group), started } : [];
  });
}

async function fromPowerShell(): Promise<Row[]> {
  const list =
    'Get-Process | Where-Object StartTime | ForEach-Object { "$($_.Id) $($_.StartTime.ToFileTimeUtc())" }';
  const { stdout } = await command('pwsh', ['-NoLogo', '-NoProfile', '-NonInteractive', '-Command', list]);
  return stdout.split(/\r?\n/).flatMap((line) => {
    const [, pid, started = ''] = /^(\d+) (\d+)$/.exec(line) ?? [];
    return pid ? { pid: Number(pid), group: Number(pid), started } : [];
  });
}
