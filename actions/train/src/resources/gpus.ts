import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { programs as nvidiaSmiPrograms } from '@mlops/core/nvidia-smi';
import { PowerIntegral } from './energy.ts';
import type { GpuSample } from './sample.ts';

/** What is asked of each GPU; the name comes last, as it may hold a comma. */
const fields = 'index,utilization.gpu,memory.used,memory.total,power.draw,temperature.gpu,name';
/** nvidia-smi that ends or hangs is started again; after so many times in a row without a reading, no more. */
const mostFailures = 3;
const mebibyte = 1024 * 1024;

interface Gpu {
  sample: GpuSample;
  readAtMs: number;
  power: PowerIntegral;
}

export interface GpuReaderOptions {
  everyMs: number;
  /** Environment to find and run nvidia-smi in. */
  env: NodeJS.ProcessEnv;
  /** How long a reading counts as that of now; nvidia-smi hangs when none comes for as long (default 4 × everyMs). */
  staleMs?: number;
  /** First pause before another start; doubles (default 5000). */
  pauseMs?: number;
}

/**
 * Reads NVIDIA's GPUs through one nvidia-smi that goes on for as long as the run, since its start costs more than a
 * reading. Without a driver there are no GPUs; when nvidia-smi ends or hangs, their figures end until it is back.
 */
export class GpuReader {
  readonly #options: Required<GpuReaderOptions>;
  readonly #gpus = new Map<number, Gpu>();
  #programs: string[];
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;

  constructor(options: GpuReaderOptions) {
    const { everyMs } = options;
    this.#options = { staleMs: Math.max(4 * everyMs, 20_000), pauseMs: 5000, ...options };
    this.#programs = nvidiaSmiPrograms(options.env, process.platform);
    this.#start();
  }

  /** Every GPU that was ever read, in the order of nvidia-smi. */
  get names(): string[] {
    return this.#inOrder().map(({ sample }) => sample.name);
  }

  /** Whether it may still turn out that there are GPUs. */
  get isAsking(): boolean {
    return this.#child !== undefined && this.#gpus.size === 0;
  }

  /** What has been drawn so far; undefined where no GPU has told its power. */
  get wattHours(): number | undefined {
    const told = this.#inOrder().filter(({ sample }) => sample.watts !== undefined);
    return told.length ? this.#inOrder().reduce((total, { power }) => total + power.wattHours, 0) : undefined;
  }

  /** Every GPU as it is now; without figures when the last reading is too old. */
  samples(): GpuSample[] {
    const oldest = performance.now() - this.#options.staleMs;
    return this.#inOrder().map(({ sample, readAtMs }) =>
      readAtMs >= oldest ? sample : { ...unknown, name: sample.name, memoryBytes: sample.memoryBytes },
    );
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#failures = mostFailures;
    this.#abandon();
  }

  #inOrder(): Gpu[] {
    return [...this.#gpus].sort(([a], [b]) => a - b).map(([, gpu]) => gpu);
  }

  #start(): void {
    clearTimeout(this.#timer);
    const [program] = this.#programs;
    if (program === undefined) return;
    const { everyMs, env } = this.#options;
    const child = spawn(
      program,
      [
        `--query-gpu=${fields}`,
        '--format=csv,noheader,nounits',
        '-l',
        String(Math.max(1, Math.round(everyMs / 1000))),
      ],
      { env: { ...env, LC_ALL: 'C' }, stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true },
    );
    this.#child = child;
    // A run that is over does not wait for it.
    child.unref();
    (child.stdout as unknown as { unref?: () => void }).unref?.();
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (child === this.#child) this.#read(line);
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') return this.#failed(child);
      this.#programs = this.#programs.slice(1);
      if (child === this.#child) this.#start();
    });
    child.once('close', () => this.#failed(child));
    this.#watch(child);
  }

  /** A driver that hangs can keep nvidia-smi from ending even when it is killed, so nobody waits for that. */
  #watch(child: ChildProcess): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#failed(child), this.#options.staleMs).unref();
  }

  #failed(child: ChildProcess): void {
    if (child !== this.#child) return;
    clearTimeout(this.#timer);
    this.#abandon();
    this.#failures += 1;
    // Without any reading there is no driver, or none that works.
    if (this.#failures >= mostFailures || this.#gpus.size === 0) return;
    const pause = this.#options.pauseMs * 2 ** (this.#failures - 1);
    this.#timer = setTimeout(() => this.#start(), pause).unref();
  }

  #abandon(): void {
    const child = this.#child;
    this.#child = undefined;
    child?.kill('SIGKILL');
    child?.stdout?.destroy();
  }

  #read(line: string): void {
    const reading = gpuOf(line);
    if (!reading) return;
    const readAtMs = performance.now();
    const { staleMs } = this.#options;
    const power = this.#gpus.get(reading.index)?.power ?? new PowerIntegral(staleMs);
    power.add(readAtMs, reading.sample.watts);
    this.#gpus.set(reading.index, { sample: reading.sample, readAtMs, power });
    this.#failures = 0;
    if (this.#child) this.#watch(this.#child);
  }
}

const unknown = {
  utilisation: undefined,
  memoryUsedBytes: undefined,
  memoryBytes: undefined,
  watts: undefined,
  celsius: undefined,
};

/** A line of nvidia-smi's answer; undefined for what is none, such as a warning, and for a GPU that is lost. */
export function gpuOf(line: string): { index: number; sample: GpuSample } | undefined {
  const [index = '', utilisation, used, total, watts, celsius, ...name] = line
    .split(',')
    .map((part) => part.trim());
  if (!/^\d+$/.test(index) || !name.length || name[0]?.startsWith('[')) return undefined;
  return {
    index: Number(index),
    sample: {
      name: name.join(', '),
      utilisation: amount(utilisation, 0.01),
      memoryUsedBytes: amount(used, mebibyte),
      memoryBytes: amount(total, mebibyte),
      watts: amount(watts, 1),
      celsius: amount(celsius, 1),
    },
  };
}

/** `[N/A]`, `[GPU is lost]` and the like stand where there is no number. */
function amount(text: string | undefined, unit: number): number | undefined {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) * unit : undefined;
}
