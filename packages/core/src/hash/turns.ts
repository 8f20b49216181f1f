import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * For work that is synchronous because that is fastest: lets what else waits, threads and signals among it, have its
 * turn now and then. The function is to be awaited between steps and rejects with the signal's reason when it is aborted.
 */
export function turns(signal: AbortSignal | undefined): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < 15) return undefined;
    return nextTurn().then(() => {
      signal?.throwIfAborted();
      since = performance.now();
    });
  };
}
