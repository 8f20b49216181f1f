import { readdir, readFile } from 'node:fs/promises';
import { command } from '@mlops/core/process';

interface Process {
  pid: number;
  command: string;
}

/** Killing takes no time, unless the kernel holds a process in a call that cannot be interrupted. */
const patienceMs = 10_000;

/**
 * Ends what steps left running, and says what that was. act starts each step in a session of its own, so no process
 * group reaches it; as GitHub's runner does, this finds processes by the RUNNER_TRACKING_ID in their environment. On
 * Windows, where a process's environment cannot be read, act's tree is ended as a whole (see endTree).
 */
export async function endTracked(trackingId: string): Promise<Process[]> {
  const all = new Map<number, Process>();
  const giveUpAt = Date.now() + patienceMs;
  for (let found = await tracked(trackingId); found.length; found = await tracked(trackingId)) {
    if (Date.now() > giveUpAt) throw new Error(`Nothing ends ${found.map(({ pid }) => pid).join(', ')}.`);
    const before = all.size;
    for (const one of found) {
      all.set(one.pid, one);
      kill(one.pid, 'SIGKILL');
    }
    if (all.size === before) await new Promise((resolve) => setTimeout(resolve, 20)); // They are dying.
  }
  return [...all.values()];
}

async function tracked(trackingId: string): Promise<Process[]> {
  const variable = `RUNNER_TRACKING_ID=${trackingId}`;
  if (process.platform === 'linux') return await fromProc(variable);
  if (process.platform === 'darwin') return await fromPs(variable);
  return [];
}

async function fromProc(variable: string): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const read = (pid: string, file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
  const processes = await Promise.all(
    pids.map(async (pid) => {
      if (!(await read(pid, 'environ')).split('\0').includes(variable)) return [];
      return [{ pid: Number(pid), command: (await read(pid, 'cmdline')).replaceAll('\0', ' ').trim() }];
    }),
  );
  return processes.flat();
}

async function fromPs(variable: string): Promise<Process[]> {
  const { stdout } = await command('ps', ['-A', '-E', '-ww', '-o', 'pid=,command=']);
  return stdout
    .split('\n')
    .filter((line) => line.split(' ').includes(variable))
    .map((line) => {
      const [, pid = '', rest = ''] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? [];
      return { pid: Number(pid), command: rest.slice(0, rest.indexOf('=')) };
    });
}

/** Ends a process we started and, where the system keeps track of them, its descendants. */
export async function endTree(pid: number): Promise<void> {
  if (process.platform === 'win32') {
    await command('taskkill', ['/pid', String(pid), '/T', '/F'], { tolerate: true });
  } else {
    kill(-pid, 'SIGKILL');
  }
}

export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
