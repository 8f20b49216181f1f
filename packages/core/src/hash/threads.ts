import { Worker } from 'node:worker_threads';
import { makeHashFiles, type Task, type TaskResult } from './hash-files.ts';

/** Worker threads that look at files and hash them. */
export interface Threads {
  /** `cost` decides which of the waiting tasks is next: the costliest, so that none is left to one thread at the end. */
  run(task: Task, cost: number): Promise<TaskResult>;
  close(): Promise<void>;
}

interface Waiting {
  task: Task;
  cost: number;
  resolve: (result: TaskResult) => void;
  reject: (error: unknown) => void;
}

interface Thread {
  worker: Worker;
  /** What it works on and what it has ready for afterwards, in order. */
  given: Waiting[];
}

// One to work on and one in advance: this side may be too busy looking for files to answer at once.
const tasksGiven = 2;

export function startThreads(count: number, signal: AbortSignal | undefined): Threads {
  const waiting: Waiting[] = [];
  const threads = Array.from({ length: count }, () => startThread());

  function startThread(): Thread {
    const thread: Thread = { worker: startWorker(), given: [] };
    thread.worker.unref(); // Idle threads do not keep the process alive.
    thread.worker.on('message', (result: TaskResult) => {
      thread.given.shift()?.resolve(result);
      if (thread.given.length === 0) thread.worker.unref();
      give();
    });
    thread.worker.on('error', failAll);
    thread.worker.on('exit', () => failAll(new Error('a hashing thread ended before its work was done')));
    return thread;
  }

  function give(): void {
    for (let room = 0; room < tasksGiven; room++) {
      for (const { worker, given } of threads) {
        if (given.length > room) continue;
        const next = waiting.pop();
        if (!next) return;
        given.push(next);
        worker.ref();
        worker.postMessage(next.task);
      }
    }
  }

  function failAll(error: unknown): void {
    for (const { reject } of [...waiting.splice(0), ...threads.flatMap(({ given }) => given.splice(0))])
      reject(error);
  }

  async function close(): Promise<void> {
    signal?.removeEventListener('abort', onAbort);
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }

  function onAbort(): void {
    failAll(signal?.reason);
    void close();
  }
  signal?.addEventListener('abort', onAbort, { once: true });

  return {
    run(task, cost) {
      return new Promise((resolve, reject) => {
        const place = waiting.findIndex((other) => other.cost > cost);
        waiting.splice(place < 0 ? waiting.length : place, 0, { task, cost, resolve, reject });
        give();
      });
    },
    close,
  };
}

function startWorker(): Worker {
  const source = `
    const { parentPort } = require('node:worker_threads');
    const hashFiles = (${makeHashFiles})();
    parentPort.on('message', (task) => parentPort.postMessage(hashFiles(task)));
  `;
  return new Worker(source, { eval: true, name: 'hash', execArgv: [] });
}
