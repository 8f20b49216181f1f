import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { endTracked, endTree, kill } from './processes.ts';

export interface ActOptions {
  program: string;
  args: readonly string[];
  env: Record<string, string>;
  /** In the environment of act and of every step. */
  trackingId: string;
  onLine: (line: string) => void;
  /** Cancels the run as GitHub does: running steps end, `if: always()` and post steps still run. */
  signal: AbortSignal | undefined;
  /** Time in milliseconds after which everything is ended at once. */
  timeoutMs: number;
  /** Time in milliseconds that a cancelled run has for its post steps. */
  graceMs: number;
}

export interface ActEnd {
  exitCode: number | null;
  cancelled: boolean;
  timedOut: boolean;
  orphans: string[];
}

/** Runs act to its end. Whatever the end is, nothing of it is left running. */
export async function runAct(options: ActOptions): Promise<ActEnd> {
  const { program, args, env, trackingId, onLine, signal, timeoutMs, graceMs } = options;
  const act = spawn(program, args, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Ctrl-C reaches this process only, which then decides; as a group of its own, act can be ended with its children.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
  const lines = Promise.all([eachLine(act.stdout, onLine), eachLine(act.stderr, onLine)]);
  const { pid } = act;
  if (pid === undefined) {
    await once(act, 'spawn'); // Throws the reason.
    throw new Error(`${program} did not start.`);
  }

  const end: ActEnd = { exitCode: null, cancelled: false, timedOut: false, orphans: [] };
  const timers: NodeJS.Timeout[] = [];
  const endNow = () => {
    endTree(pid).catch(() => {}); // It has ended by itself.
  };
  const cancel = () => {
    if (end.cancelled) return endNow(); // Asked for twice: no patience left.
    end.cancelled = true;
    // Windows has no interrupt to send: there a cancelled run ends without its post steps.
    if (process.platform === 'win32') return endNow();
    kill(pid, 'SIGINT');
    timers.push(setTimeout(endNow, graceMs));
  };
  timers.push(
    setTimeout(() => {
      end.timedOut = true;
      endNow();
    }, timeoutMs),
  );
  const stopListening = listen(signal, cancel, endNow);
  try {
    [end.exitCode] = (await once(act, 'exit')) as [number | null];
  } finally {
    stopListening();
    timers.forEach(clearTimeout);
    end.orphans = (await endTracked(trackingId)).map((one) => `${one.pid} ${one.command}`);
    await lines; // After the orphans, which may have held act's output open.
  }
  return end;
}

function listen(signal: AbortSignal | undefined, cancel: () => void, endNow: () => void): () => void {
  if (signal?.aborted) cancel();
  signal?.addEventListener('abort', cancel, { once: true });
  process.on('SIGINT', cancel);
  process.on('SIGTERM', cancel);
  process.on('exit', endNow);
  return () => {
    signal?.removeEventListener('abort', cancel);
    process.off('SIGINT', cancel);
    process.off('SIGTERM', cancel);
    process.off('exit', endNow);
  };
}

async function eachLine(stream: Readable, see: (line: string) => void): Promise<void> {
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) see(line);
}
