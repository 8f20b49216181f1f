import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { UserError } from './errors.ts';
import { type LineEnd, LineSplitter } from './lines.ts';

export type { LineEnd } from './lines.ts';
export { stepEnvironment } from './step-environment.ts';

export interface CommandOptions {
  cwd?: string;
  /** Added to this process's environment; undefined takes a variable away. */
  env?: Record<string, string | undefined>;
  /** Cancels the command and everything it started: interrupt, then terminate, then kill. */
  signal?: AbortSignal | undefined;
  /** Ends the command as `signal` does, but as an answer rather than an error: the result tells how it ended. */
  stop?: { signal: AbortSignal; graceMs: readonly [beforeTerminate: number, beforeKill: number] };
  /** Written to the command's standard input, which is otherwise empty. */
  input?: string;
  /**
   * Sees each line as it comes, and prints it where that is wanted. Default: nothing is printed. A line that ends in
   * `\r` is a state of progress, which a terminal writes over. Extremely long lines come in parts.
   */
  onLine?: (line: string, stream: 'stdout' | 'stderr', end: LineEnd) => void;
  /** Gets the process id of the command once it runs. */
  onSpawn?: (pid: number) => void;
  /** Is told at once how the command's own process ended, also where that is no answer because it was cancelled. */
  onExit?: (exitCode: number | null, signal: NodeJS.Signals | null) => void;
  /** Whether a failing exit code is an answer rather than an error. */
  tolerate?: boolean;
  /** Milliseconds between interrupt and terminate, and between terminate and kill, or one for both (default 5000). */
  graceMs?: number | readonly [beforeTerminate: number, beforeKill: number];
}

export interface CommandResult {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** Whole output, at most the last 10 MiB; of progress that was written over, the last state. */
  stdout: string;
  /** The last lines of standard error. */
  stderrTail: string[];
}

/** A child process failed: which command, how it ended, and the last it said. */
export class CommandError extends UserError {
  override readonly name = 'CommandError';
  readonly command: string;
  readonly result: CommandResult;

  constructor(command: string, result: CommandResult) {
    const how = result.signal ? `was ended by ${result.signal}` : `failed with exit code ${result.exitCode}`;
    const tail = result.stderrTail.filter((line) => line.trim()).slice(-tailShown);
    super(
      `'${command}' ${how}${tail.length ? `. Its last words:\n${tail.map((line) => `  ${line}`).join('\n')}` : ''}`,
    );
    this.command = command;
    this.result = result;
  }
}

const tailShown = 10;
const tailKept = 50;
const stdoutKept = 10 * 1024 * 1024;
/** How long output is waited for that processes left in the background may still write, as the runner does. */
const drainMs = 5000;

/** Runs a program with an argument list; no shell reads the arguments. */
export async function command(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return finish([program, ...args].join(' '), start(program, args, options), options);
}

/** Runs a user's script as a `run:` step would: bash with -e and pipefail, PowerShell on Windows. */
export async function script(text: string, options: CommandOptions = {}): Promise<CommandResult> {
  const folder = await mkdtemp(join(tmpdir(), 'mlops-script-'));
  const file = join(folder, `script${shell.extension}`);
  try {
    await writeFile(file, shell.contentOf(text));
    const shown = text.trim().split('\n')[0] ?? '';
    return await finish(shown, start(shell.program, shell.argumentsFor(file), options), options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The shell that `run:` steps have here, for whoever starts a script otherwise than `script` does. */
export const shell =
  process.platform === 'win32'
    ? {
        extension: '.ps1',
        program: 'pwsh',
        // What the runner wraps around PowerShell steps: stop at the first error, end with the last program's exit code.
        contentOf: (text: string) =>
          `$ErrorActionPreference = 'stop'\n${text}\nif ((Test-Path -LiteralPath variable:\\LASTEXITCODE)) { exit $LASTEXITCODE }\n`,
        argumentsFor: (file: string) => [
          '-NoLogo',
          '-NoProfile',
          '-NonInteractive',
          '-Command',
          `. '${file.replaceAll("'", "''")}'`,
        ],
      }
    : {
        extension: '.sh',
        program: 'bash',
        contentOf: (text: string) => `${text}\n`,
        argumentsFor: (file: string) => ['--noprofile', '--norc', '-e', '-o', 'pipefail', file],
      };

function start(program: string, args: readonly string[], { cwd, env, input }: CommandOptions): ChildProcess {
  return spawn(program, args, {
    cwd,
    env: env ? { ...process.env, ...env } : process.env,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    // A group of its own, so that a signal reaches whatever the command started.
    detached: process.platform !== 'win32',
    windowsHide: true,
  });
}

async function finish(shown: string, child: ChildProcess, options: CommandOptions): Promise<CommandResult> {
  const { signal, stop, input, onLine, onSpawn, onExit, tolerate, graceMs = 5000 } = options;
  const watches = [
    endOnAbort(child, signal, typeof graceMs === 'number' ? [graceMs, graceMs] : graceMs),
    ...(stop ? [endOnAbort(child, stop.signal, stop.graceMs)] : []),
  ];
  const stdout: string[] = [];
  let kept = 0;
  const keepStdout = withLastProgress((line, end) => {
    stdout.push(line + end);
    kept += line.length + end.length;
    // In bulk, since taking single lines off the front of a long list is slow.
    if (kept > 2 * stdoutKept) kept -= dropBeyond(stdout, kept - stdoutKept);
  });
  const stderrTail: string[] = [];
  const keepStderr = withLastProgress((line) => {
    stderrTail.push(line);
    if (stderrTail.length > tailKept) stderrTail.shift();
  });
  try {
    if (child.pid !== undefined) onSpawn?.(child.pid);
    if (input !== undefined) child.stdin?.end(input);
    child.stdin?.on('error', () => {}); // The command may end before it has read everything.
    const exited = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, ending) => {
        onExit?.(code, ending);
        resolve([code, ending]);
      });
    });
    const output = Promise.all([
      eachLine(child.stdout, (line, end) => {
        keepStdout.line(line, end);
        onLine?.(line, 'stdout', end || '\n');
      }),
      eachLine(child.stderr, (line, end) => {
        keepStderr.line(line, end);
        onLine?.(line, 'stderr', end || '\n');
      }),
    ]);
    const isEnding = () => watches.some((watch) => watch.isEnding());
    const [[exitCode, ending]] = await Promise.all([exited, drained(child, exited, output, isEnding)]);
    keepStdout.close();
    keepStderr.close();
    signal?.throwIfAborted();
    const result = {
      exitCode,
      signal: ending,
      stdout: stdout.join('').slice(-stdoutKept).replace(/\n$/, ''),
      stderrTail,
    };
    if (exitCode !== 0 && !tolerate && !stop?.signal.aborted) throw new CommandError(shown, result);
    return result;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? notFound(shown, child, options.cwd, error)
      : error;
  } finally {
    for (const watch of watches) watch.end();
  }
}

/** Removes lines from the front until so many characters are gone; returns how many went. */
function dropBeyond(lines: string[], wanted: number): number {
  let dropped = 0;
  let count = 0;
  for (; dropped < wanted && count < lines.length; count++) dropped += lines[count]?.length ?? 0;
  lines.splice(0, count);
  return dropped;
}

/**
 * Waits for the last output, though not for processes in the background that keep the streams open. Those of a command
 * that is asked to end are waited for until they were made to: a shell may be gone before what it has started.
 */
async function drained(
  child: ChildProcess,
  exited: Promise<unknown>,
  output: Promise<unknown>,
  isEnding: () => boolean,
): Promise<void> {
  await Promise.race([output, exited]);
  do {
    const late = new Promise<'late'>((resolve) => void setTimeout(resolve, drainMs, 'late').unref());
    if ((await Promise.race([output, late])) !== 'late') return;
  } while (isEnding());
  output.catch(() => {}); // That the streams were closed is no news.
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function notFound(shown: string, child: ChildProcess, cwd: string | undefined, cause: unknown): UserError {
  return new UserError(
    `'${shown}' cannot start: the program '${child.spawnfile}' was not found${cwd ? ` (or the folder '${cwd}' does not exist)` : ''}`,
    {
      cause,
      advice: 'Install it in an earlier step, or check PATH.',
    },
  );
}

async function eachLine(
  stream: Readable | null,
  see: (line: string, end: LineEnd | '') => void,
): Promise<void> {
  if (!stream) return;
  const lines = new LineSplitter(see);
  for await (const chunk of stream) lines.write(chunk as Buffer);
  lines.end();
}

/** Hands lines on to `keep`; of states of progress that follow each other, only the last. */
function withLastProgress(keep: (line: string, end: '\n' | '') => void): {
  line: (line: string, end: LineEnd | '') => void;
  close: () => void;
} {
  let progress = '';
  const close = () => {
    if (progress) keep(progress, '\n');
    progress = '';
  };
  return {
    line(line, end) {
      if (end === '\r') {
        progress = line || progress;
        return;
      }
      close();
      keep(line, end);
    },
    close,
  };
}

function endOnAbort(
  child: ChildProcess,
  signal: AbortSignal | undefined,
  graceMs: readonly [number, number],
): { end: () => void; isEnding: () => boolean } {
  let timer: NodeJS.Timeout | undefined;
  let isKilled = false;
  const onAbort = () => {
    const steps = [
      ['SIGINT', graceMs[0]],
      ['SIGTERM', graceMs[1]],
      ['SIGKILL', 0],
    ] as const;
    const take = (i: number) => {
      const step = steps[i];
      if (!step) return;
      endTree(child, step[0]);
      isKilled = step[0] === 'SIGKILL';
      timer = setTimeout(take, step[1], i + 1);
    };
    take(0);
  };
  if (signal?.aborted) onAbort();
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    end: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
    /** Whether the command was asked to end, and not yet made to. */
    isEnding: () => signal?.aborted === true && !isKilled,
  };
}

/** Signals a command and all it started. Windows has no signals: there the tree is ended at the last step. */
function endTree(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  if (process.platform === 'win32') {
    if (signal === 'SIGKILL') spawn('taskkill', ['/pid', String(child.pid), '/T', '/F'], { stdio: 'ignore' });
    else if (signal === 'SIGTERM') spawn('taskkill', ['/pid', String(child.pid), '/T'], { stdio: 'ignore' });
    return;
  }
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already.
  }
}
