import { availableParallelism } from 'node:os';
import { makeHashFiles, type Task, type TaskResult } from './hash-files.ts';
import { startThreads, type Threads } from './threads.ts';
import { turns } from './turns.ts';

/** Does tasks: little work here, much of it on all cores. A cost is the bytes that could be hashed meanwhile. */
export interface Pool {
  /** Starts the threads when work of this cost is worth it; says whether they run. */
  threadsFor(cost: number): boolean;
  /** Rejects with the signal's reason when it is aborted. */
  run(task: Task, cost: number): Promise<TaskResult>;
  close(): Promise<void>;
}

// Starting the threads takes some 30 ms, in which one core hashes about this much.
const worthThreads = 48 * 1024 * 1024;

export function openPool(options: {
  concurrency?: number | undefined;
  signal?: AbortSignal | undefined;
}): Pool {
  const { concurrency = availableParallelism(), signal } = options;
  const turn = turns(signal);
  let threads: Threads | undefined;
  let hashHere: ReturnType<typeof makeHashFiles> | undefined;

  return {
    threadsFor(cost) {
      if (concurrency > 1 && cost > worthThreads) threads ??= startThreads(concurrency, signal);
      return threads !== undefined;
    },
    async run(task, cost) {
      signal?.throwIfAborted();
      if (threads) return threads.run(task, cost);
      await turn();
      hashHere ??= makeHashFiles();
      return hashHere(task);
    },
    async close() {
      await threads?.close();
    },
  };
}
