import { describe, expect, test } from 'vitest';
import { DeadlineError, retry, waitFor } from '../src/index.ts';

const never = () => new Promise<never>(() => {});

describe('retry', () => {
  test('tries again until it succeeds', async () => {
    const seen: number[] = [];
    const result = await retry(
      async (_, attempt) => {
        seen.push(attempt);
        if (attempt < 3) throw new Error('not yet');
        return 'done';
      },
      { what: 'it', pauseMs: 1 },
    );
    expect([result, seen]).toEqual(['done', [1, 2, 3]]);
  });

  test('gives up after the last attempt, with the last error', async () => {
    let tries = 0;
    const failing = retry(() => Promise.reject(new Error(`try ${++tries}`)), {
      what: 'it',
      attempts: 3,
      pauseMs: 1,
    });
    await expect(failing).rejects.toThrow('try 3');
  });

  test('gives up at once on what another try cannot mend', async () => {
    let tries = 0;
    const failing = retry(() => Promise.reject(new Error(`try ${++tries}`)), {
      what: 'it',
      retryable: () => false,
    });
    await expect(failing).rejects.toThrow('try 1');
  });

  test('waits as long as the server asks', async () => {
    const pauses: number[] = [];
    await retry((_, attempt) => (attempt === 1 ? Promise.reject(new Error('429')) : Promise.resolve()), {
      what: 'it',
      retryable: () => 7,
      onRetry: (_error, _attempt, pause) => pauses.push(pause),
    });
    expect(pauses).toEqual([7]);
  });

  test('ends at the deadline even when the work never answers', async () => {
    await expect(retry(never, { what: 'the upload', deadlineMs: 30 })).rejects.toThrow(
      'the upload was not done within 0.03 s',
    );
  });

  test('ends at the deadline in the middle of a pause', async () => {
    const failing = retry(() => Promise.reject(new Error('429')), {
      what: 'it',
      deadlineMs: 30,
      retryable: () => 60_000,
    });
    await expect(failing).rejects.toBeInstanceOf(DeadlineError);
  });

  test('ends when the caller cancels', async () => {
    const cancellation = new AbortController();
    const running = retry(never, { what: 'it', signal: cancellation.signal });
    cancellation.abort(new Error('cancelled'));
    await expect(running).rejects.toThrow('cancelled');
  });
});

test('waitFor looks until there is an answer, and lets errors through', async () => {
  let looks = 0;
  expect(
    await waitFor(async () => (++looks === 3 ? 'seen' : undefined), {
      what: 'it',
      deadlineMs: 5000,
      everyMs: 1,
    }),
  ).toBe('seen');
  await expect(
    waitFor(() => Promise.reject(new Error('broken')), { what: 'it', deadlineMs: 5000 }),
  ).rejects.toThrow('broken');
  await expect(
    waitFor(async () => undefined, { what: 'health', deadlineMs: 20, everyMs: 1 }),
  ).rejects.toThrow('health was not done');
});
