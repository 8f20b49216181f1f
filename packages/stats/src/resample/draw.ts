import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type Drawn, type Draws, makeKernel } from './kernel.ts';

export interface DrawOptions {
  resamples: number;
  /** Default: as many as there are cores, or one where the work is small. */
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Examples drawn from which on other threads are worth their start. */
const worthThreads = 20_000_000;
/** Resamples that a thread is given at once. */
const atOnce = 100;

/** The rows of all resamples, whatever thread drew them. */
export async function draw(draws: Draws, { resamples, threads, signal }: DrawOptions): Promise<Drawn> {
  signal?.throwIfAborted();
  const count = threads ?? (work(draws) * resamples < worthThreads ? 1 : availableParallelism());
  if (count === 1) {
    return makeKernel()(draws, 0, resamples);
  }
  const shared = sharedDraws(draws);
  const parts: Drawn[] = [];
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(count, Math.ceil(resamples / atOnce)) }, () =>
      withThread(shared, signal, async (ask) => {
        for (let from = next; from < resamples; from = next) {
          next = from + atOnce;
          parts[from / atOnce] = await ask(from, Math.min(next, resamples));
        }
      }).catch((error) => {
        next = resamples; // The others need not go on.
        throw error;
      }),
    ),
  );
  return joined(parts);
}

/** Steps of one resample, about. */
function work({ strata, blocks, kinds, walks }: Draws): number {
  const size = strata.reduce((sum, one) => sum + one, 0);
  const drawn = kinds.reduce((sum, counts) => sum + counts.length * 10, 0);
  return drawn + size * (Number(blocks !== undefined) + walks.length);
}

type Ask = (from: number, to: number) => Promise<Drawn>;

async function withThread(
  draws: Draws,
  signal: AbortSignal | undefined,
  use: (ask: Ask) => Promise<void>,
): Promise<void> {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const kernel = (${makeKernel})();
     parentPort.on('message', ([from, to]) => parentPort.postMessage(kernel(workerData, from, to)));`,
    { eval: true, name: 'resample', execArgv: [], workerData: draws },
  );
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  worker.once('error', failed.reject);
  worker.once('exit', () => failed.reject(new Error('a resampling thread ended before its work was done')));
  const onAbort = () => failed.reject(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await use((from, to) => {
      const answer = new Promise<Drawn>((resolve) => worker.once('message', resolve));
      worker.postMessage([from, to]);
      return Promise.race([answer, failed.promise]);
    });
  } finally {
    signal?.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
}

/** The same data in memory that all threads see, so that it is there once. */
function sharedDraws(draws: Draws): Draws {
  const known = new Map<object, object>();
  const share = <T>(value: T): T => {
    if (!ArrayBuffer.isView(value) || value instanceof DataView) {
      if (Array.isArray(value)) return value.map(share) as T;
      if (!value || typeof value !== 'object') return value;
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, share(inner)])) as T;
    }
    const array = value as unknown as Float64Array;
    const there = known.get(array);
    if (there) return there as T;
    const Kind = array.constructor as Float64ArrayConstructor;
    const copy = new Kind(new SharedArrayBuffer(array.byteLength));
    copy.set(array);
    known.set(array, copy);
    return copy as unknown as T;
  };
  return share(draws);
}

function joined(parts: readonly Drawn[]): Drawn {
  const join = (arrays: readonly Float64Array[]) => {
    const all = new Float64Array(arrays.reduce((length, array) => length + array.length, 0));
    let at = 0;
    for (const array of arrays) {
      all.set(array, at);
      at += array.length;
    }
    return all;
  };
  const joinEach = (of: (part: Drawn) => Float64Array[]) =>
    (parts[0] ? of(parts[0]) : []).map((_, i) => join(parts.map((part) => of(part)[i] as Float64Array)));
  return {
    blocks: join(parts.map(({ blocks }) => blocks)),
    kinds: joinEach(({ kinds }) => kinds),
    walks: joinEach(({ walks }) => walks),
  };
}
