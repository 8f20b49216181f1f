import { DeadlineError, messageOf, retry, UserError } from '@mlops/core';
import { isPassing } from './errors.ts';

/** How much is put up with; see RegistryOptions. */
export interface Patience {
  attempts: number;
  pauseMs: number;
  deadlineMs: number;
  onRetry: ((message: string) => void) | undefined;
}

interface Task<T> {
  /** What is done, for messages. */
  what: string;
  signal: AbortSignal | undefined;
  attempt: (signal: AbortSignal) => Promise<T>;
}

/** Does a task again when it fails for reasons that may pass. */
export function persist<T>(patience: Patience, task: Task<T>): Promise<T> {
  return tried(patience, task, { ...patience, retryable: isPassing });
}

/** A day; transfers take as long as they move. */
const transferMs = 24 * 60 * 60 * 1000;

/**
 * The same for what gets further with each attempt: gives up when several in a row did not move what `at` tells.
 * `isWorthIt` may add errors that another attempt mends.
 */
export function persistWhileMoving<T>(
  patience: Patience,
  task: Task<T> & { at: () => number; isWorthIt?: (error: unknown) => boolean },
): Promise<T> {
  const { at, isWorthIt = () => false } = task;
  let failures = 0;
  let best = at();
  const retryable = (error: unknown) => {
    failures = at() > best ? 1 : failures + 1;
    best = Math.max(best, at());
    return failures < patience.attempts && (isWorthIt(error) || isPassing(error));
  };
  return tried(patience, task, { attempts: Number.POSITIVE_INFINITY, deadlineMs: transferMs, retryable });
}

async function tried<T>(
  { pauseMs, deadlineMs: longestPause, onRetry }: Patience,
  { what, signal, attempt }: Task<T>,
  limits: { attempts: number; deadlineMs: number; retryable: (error: unknown) => boolean | number },
): Promise<T> {
  const { attempts, deadlineMs } = limits;
  try {
    return await retry(attempt, {
      ...{ what, signal, attempts, pauseMs, deadlineMs },
      retryable: (error) => {
        const verdict = limits.retryable(error);
        return typeof verdict === 'number' ? verdict < longestPause && verdict : verdict;
      },
      onRetry: (error, _, pause) =>
        onRetry?.(`${messageOf(error)}; trying again in ${Math.ceil(pause / 1000)} s`),
    });
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    const last = error.cause === undefined ? '' : `: ${messageOf(error.cause)}`;
    throw new UserError(`${error.message}${last}`, {
      cause: error,
      advice: 'Run this again later; the registry did not recover in time.',
    });
  }
}
