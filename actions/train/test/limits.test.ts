import { expect, test } from 'vitest';
import { limitsOf } from '../src/limits.ts';

const minute = 60_000;
const none = {
  timeLimit: undefined,
  jobTimeoutMinutes: undefined,
  checkpointDir: undefined,
  budget: undefined,
};
const jobStarted = 1_000_000;
const started = jobStarted + 5 * minute;
const minutesIn = (inputs: Partial<typeof none | Record<string, unknown>>) => {
  const at = limitsOf({ ...none, ...inputs } as typeof none, started, jobStarted).deadline?.at;
  return at === undefined ? undefined : (at - started) / minute;
};

test('a time limit counts from the start of the step', () => {
  expect(minutesIn({})).toBeUndefined();
  expect(minutesIn({ timeLimit: '90m' })).toBe(90);
});

test("the job's limit counts from the start of the job, with a reserve, for trainings with checkpoints", () => {
  expect(minutesIn({ jobTimeoutMinutes: 360 })).toBeUndefined();
  expect(minutesIn({ jobTimeoutMinutes: 360, checkpointDir: 'c' })).toBe(360 - 10 - 5);
  expect(minutesIn({ jobTimeoutMinutes: 20, checkpointDir: 'c' })).toBe(20 - 2 - 5);
});

test('the earlier one counts', () => {
  expect(minutesIn({ jobTimeoutMinutes: 360, checkpointDir: 'c', timeLimit: '1h' })).toBe(60);
  expect(minutesIn({ jobTimeoutMinutes: 60, checkpointDir: 'c', timeLimit: '1h' })).toBe(60 - 6 - 5);
});

test.each([['0'], ['-1'], ['12,50'], ['$5'], ['1e3'], ['free']])("'%s' is no budget", (budget) => {
  expect(() => limitsOf({ ...none, budget } as unknown as typeof none, started, jobStarted)).toThrow(
    `input budget: '${budget}' is not an amount of money above 0`,
  );
});

test('a budget is an amount', () => {
  expect(limitsOf({ ...none, budget: '12.50' } as unknown as typeof none, started, jobStarted).budget).toBe(
    12.5,
  );
});
