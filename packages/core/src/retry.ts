import { setTimeout as sleep } from 'node:timers/promises';

export interface RetryOptions {
  /** What is tried, for the error message: "upload of the model". */
  what: string;
  /** At most this many tries (default 5). */
  attempts?: number;
  /** No try starts, and none goes on, later than this many milliseconds after the first (default 120 000). */
  deadlineMs?: number;
  /** First pause; doubles each time up to 15 s, with full jitter (default 500). */
  pauseMs?: number;
  signal?: AbortSignal | undefined;
  /**
   * Whether an error is worth another try: false gives up at once, a number is the pause in milliseconds that the
   * server asked for (Retry-After). Default: every error is.
   */
  retryable?: (error: unknown) => boolean | number;
  onRetry?: (error: unknown, attempt: number, pauseMs: number) => void;
}

/** The deadline of a `retry` passed before any try succeeded. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
}

/**
 * Calls `fn` until it succeeds, fails for good, or the deadline passes; every network call goes through here. The
 * signal handed to `fn` is aborted at the deadline or when the caller cancels, so that nothing waits without bound.
 */
export async function retry<T>(
  fn: (signal: AbortSignal, attempt: number) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { what, attempts = 5, deadlineMs = 120_000, pauseMs = 500, retryable = () => true } = options;
  const deadline = AbortSignal.timeout(deadlineMs);
  const signal = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline;
  for (let attempt = 1; ; attempt++) {
    try {
      return await unlessAborted(fn(signal, attempt), signal);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (deadline.aborted) throw deadlineError(what, deadlineMs, error);
      const verdict = retryable(error);
      if (verdict === false || attempt >= attempts) throw error;
      const pause =
        typeof verdict === 'number'
          ? verdict
          : Math.random() * Math.min(15_000, pauseMs * 2 ** (attempt - 1));
      options.onRetry?.(error, attempt, pause);
      await sleep(pause, undefined, { signal }).catch(() => {
        options.signal?.throwIfAborted();
        throw deadlineError(what, deadlineMs, error);
      });
    }
  }
}

export interface WaitOptions {
  what: string;
  deadlineMs: number;
  /** Pause between two looks in milliseconds (default 200). */
  everyMs?: number;
  signal?: AbortSignal | undefined;
}

/** Looks again and again until `look` answers something other than undefined; a DeadlineError after `deadlineMs`. */
export async function waitFor<T>(
  look: (signal: AbortSignal) => Promise<T | undefined>,
  options: WaitOptions,
): Promise<T> {
  const notYet = new Error('not yet');
  return retry(
    async (signal) => {
      const found = await look(signal);
      if (found === undefined) throw notYet;
      return found;
    },
    {
      ...options,
      attempts: Number.POSITIVE_INFINITY,
      retryable: (error) => (error === notYet ? (options.everyMs ?? 200) : false),
    },
  );
}

/** Rejects as soon as the signal is aborted, even when the awaited work ignores it. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([work, promise]).finally(() => signal.removeEventListener('abort', onAbort));
}

function deadlineError(what: string, deadlineMs: number, cause: unknown): DeadlineError {
  return new DeadlineError(`${what} was not done within ${deadlineMs / 1000} s`, { cause });
}
