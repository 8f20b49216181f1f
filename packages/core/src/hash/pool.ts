import { availableParallelism } from 'node:os';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type FileJob, type FileResult, makeHashFiles } from './hash-files.ts';
import { startThreads, type Threads } from './threads.ts';

/** Hashes files: few of them here, many of them on all cores. */
export interface Pool {
  /** The results in the order of the jobs. Rejects with the signal's reason when it is aborted. */
  hash(jobs: readonly FileJob[]): Promise<FileResult[]>;
  close(): Promise<void>;
}

// Opening a small file takes about as long as hashing this many bytes.
const bytesPerOpen = 16 * 1024;
// Starting the threads takes some 30 ms, in which one core hashes about this much.
const worthThreads = 48 * 1024 * 1024;
const batchCost = 16 * 1024 * 1024;

export function openPool(options: {
  concurrency?: number | undefined;
  signal?: AbortSignal | undefined;
}): Pool {
  const { concurrency = availableParallelism(), signal } = options;
  let threads: Threads | undefined;
  let hashHere: ReturnType<typeof makeHashFiles> | undefined;

  return {
    async hash(jobs) {
      signal?.throwIfAborted();
      if (concurrency > 1 && total(jobs) > worthThreads) threads ??= startThreads(concurrency, signal);
      const batches = batched(jobs);
      if (threads) {
        const { hash } = threads;
        return (await Promise.all(batches.map((batch) => hash(batch, total(batch))))).flat();
      }
      hashHere ??= makeHashFiles();
      const results: FileResult[] = [];
      for (const batch of batches) {
        await nextTurn();
        signal?.throwIfAborted();
        results.push(...hashHere(batch));
      }
      return results;
    },
    async close() {
      await threads?.close();
    },
  };
}

function costOf(job: FileJob): number {
  return job.size + bytesPerOpen;
}

function total(jobs: readonly FileJob[]): number {
  return jobs.reduce((sum, job) => sum + costOf(job), 0);
}

/** Neighbours together, up to `batchCost` a batch. */
function batched(jobs: readonly FileJob[]): FileJob[][] {
  const batches: FileJob[][] = [];
  let room = 0;
  for (const job of jobs) {
    room -= costOf(job);
    if (room < 0) {
      batches.push([]);
      room = batchCost - costOf(job);
    }
    batches.at(-1)?.push(job);
  }
  return batches;
}
