import { type ChildProcess, spawn } from 'node:child_process';
import { win32 } from 'node:path';

/** One GPU: the value of each field that was asked for; undefined where the GPU or the driver has none. */
export type GpuRow<Field extends string = string> = Record<Field, string | undefined>;

export type NvidiaSmi<Field extends string = string> =
  /** There is no nvidia-smi, and so no driver. */
  | { state: 'absent' }
  /** There is one, and it tells of no GPU. */
  | {
      state: 'broken';
      /** Null when it was ended because it did not answer in time, or could not start. */
      exitCode: number | null;
      /** What it said, or that it said nothing. */
      message: string;
    }
  | {
      state: 'ok';
      /** In the order of nvidia-smi, those left out of which it could tell nothing. */
      gpus: GpuRow<Field>[];
      /** What it complained of, although it told of GPUs: a corrupted infoROM, a GPU that fell off the bus. */
      warning?: string;
    };

export interface NvidiaSmiOptions {
  /** Ends the question; the promise is rejected with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Environment to find and run it in (default: this process's). */
  env?: NodeJS.ProcessEnv;
  /** How long it may take in milliseconds, all tries together (default 30 000); a hung driver hangs it for ever. */
  timeoutMs?: number;
  platform?: NodeJS.Platform;
}

/**
 * Asks nvidia-smi for fields of every GPU, as `nvidia-smi --help-query-gpu` names them, without units. It never throws
 * for what nvidia-smi does: exit code 14 (a corrupted infoROM) and GPUs that are lost are warnings beside the GPUs that
 * answer. A field that this driver's nvidia-smi does not know yet is undefined everywhere.
 */
export async function nvidiaSmi<const Field extends string>(
  fields: readonly Field[],
  options: NvidiaSmiOptions = {},
): Promise<NvidiaSmi<Field>> {
  const { env = process.env, platform = process.platform, timeoutMs = 30_000 } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const deadline = { timeout, signal: options.signal, seconds: timeoutMs / 1000 };
  for (const program of programs(env, platform)) {
    // The index is asked for in any case.
    let known = fields.filter((field) => field !== 'index');
    for (;;) {
      const answer = await ask(program, known, env, deadline);
      if (answer === 'not found') break;
      const unknown = known.find((field) => answer.text.includes(`Field "${field}" is not a valid field`));
      if (unknown === undefined) return understand(answer, fields, known);
      known = known.filter((field) => field !== unknown);
    }
  }
  return { state: 'absent' };
}

/** What to try: PATH first, then where drivers put it without telling PATH: WSL, Windows, and Windows before 2020. */
export function programs(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string[] {
  if (platform === 'darwin') return ['nvidia-smi'];
  if (platform !== 'win32') return ['nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi'];
  return [
    'nvidia-smi.exe',
    win32.join(env.SystemRoot || 'C:\\Windows', 'System32', 'nvidia-smi.exe'),
    win32.join(env.ProgramFiles || 'C:\\Program Files', 'NVIDIA Corporation', 'NVSMI', 'nvidia-smi.exe'),
  ];
}

interface Answer {
  exitCode: number | null;
  text: string;
}

interface Deadline {
  timeout: AbortSignal;
  signal: AbortSignal | undefined;
  seconds: number;
}

/** Runs it once. A process that hangs in the driver cannot even be killed, so it is left behind at the deadline. */
function ask(
  program: string,
  fields: readonly string[],
  env: NodeJS.ProcessEnv,
  { timeout, signal, seconds }: Deadline,
): Promise<Answer | 'not found'> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer | 'not found'>();
  signal?.throwIfAborted();
  // The index comes first, so that a GPU's line cannot be taken for a complaint, nor the other way round.
  const query = ['index', ...fields].join(',');
  const child = spawn(program, [`--query-gpu=${query}`, '--format=csv,noheader,nounits'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (part) => (text += part));
  child.once('error', (error: NodeJS.ErrnoException) =>
    resolve(
      error.code === 'ENOENT' ? 'not found' : { exitCode: null, text: `it cannot start: ${error.message}` },
    ),
  );
  child.once('close', (exitCode) => resolve({ exitCode, text }));
  const onTimeout = () => {
    abandon(child);
    resolve({ exitCode: null, text: `${text.trim()}\nit did not answer within ${seconds} s`.trim() });
  };
  const onAbort = () => {
    abandon(child);
    reject(signal?.reason);
  };
  if (timeout.aborted) onTimeout();
  timeout.addEventListener('abort', onTimeout, { once: true });
  signal?.addEventListener('abort', onAbort, { once: true });
  return promise.finally(() => {
    timeout.removeEventListener('abort', onTimeout);
    signal?.removeEventListener('abort', onAbort);
  });
}

/** Kills a process and waits for it no longer. */
function abandon(child: ChildProcess): void {
  child.kill('SIGKILL');
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
}

function understand<Field extends string>(
  { exitCode, text }: Answer,
  fields: readonly Field[],
  known: readonly Field[],
): NvidiaSmi<Field> {
  const gpus: GpuRow<Field>[] = [];
  const complaints: string[] = [];
  for (const line of text.split(/\r?\n/).map((each) => each.trim())) {
    const [index = '', ...values] = line.split(/,\s*/);
    if (!/^\d+$/.test(index) || values.length !== known.length) {
      if (line) complaints.push(line);
      continue;
    }
    const of = (field: Field) => (field === 'index' ? index : meaningful(values[known.indexOf(field)]));
    const row = Object.fromEntries(fields.map((field) => [field, of(field)]));
    if (known.length && values.every((value) => meaningful(value) === undefined))
      complaints.push(`GPU ${index} tells nothing of itself: ${values[0]}`);
    else gpus.push(row as GpuRow<Field>);
  }
  const message = inShort(complaints);
  if (!gpus.length)
    return { state: 'broken', exitCode, message: message || `it said nothing (exit code ${exitCode})` };
  if (message) return { state: 'ok', gpus, warning: message };
  if (exitCode !== 0) return { state: 'ok', gpus, warning: `nvidia-smi ended with exit code ${exitCode}` };
  return { state: 'ok', gpus };
}

/** The first complaints, in letters that a log can show: whatever stands under this name may say anything. */
function inShort(complaints: readonly string[]): string {
  const lines = complaints.slice(0, 5).map((line) =>
    line
      .replace(/[\p{Cc}\p{Cf}\ufffd]+/gu, ' ')
      .trim()
      .slice(0, 200),
  );
  return [...lines.filter(Boolean), ...(complaints.length > 5 ? ['…'] : [])].join('\n');
}

/** `[N/A]`, `[Not Supported]`, `[Unknown Error]`, `[GPU is lost]` and the like stand where there is no value. */
function meaningful(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text === 'N/A' || /^\[.*\]$/.test(text) ? undefined : text;
}
