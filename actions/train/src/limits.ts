import { milliseconds, UserError } from '@mlops/core';
import { duration } from './format.ts';

/** Why a training is stopped before its end. */
export type StopReason = 'time-limit' | 'budget';

/** A training was stopped at a limit: it can go on from its last checkpoint, where it has one. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly reason: StopReason;

  constructor(reason: StopReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

export interface Limits {
  /** When to stop, in milliseconds since the epoch; and how a reader is told of it. */
  deadline: { at: number; text: string } | undefined;
  /** In the currency of the price table, over all attempts of a training. */
  budget: number | undefined;
}

/** The most that is kept free before the end of a job: to stop, to save a checkpoint, and for the steps that follow. */
const reserveMs = 10 * 60_000;

/**
 * The limits of a step that began at `started`. The job's own limit counts only for trainings with checkpoints: others
 * would lose everything a little earlier.
 */
export function limitsOf(
  inputs: {
    timeLimit: string | undefined;
    jobTimeoutMinutes: number | undefined;
    checkpointDir: string | undefined;
    budget: string | undefined;
  },
  started: number,
  jobStarted: number,
): Limits {
  const own = inputs.timeLimit === undefined ? undefined : milliseconds(inputs.timeLimit);
  const job =
    inputs.jobTimeoutMinutes && inputs.checkpointDir ? inputs.jobTimeoutMinutes * 60_000 : undefined;
  const deadlines = [
    ...(own === undefined ? [] : [{ at: started + own, text: `the time limit of ${duration(own)}` }]),
    ...(job === undefined
      ? []
      : [
          {
            at: jobStarted + job - Math.min(reserveMs, job / 10),
            text: `the job's limit of ${duration(job)}, less a reserve,`,
          },
        ]),
  ];
  return { deadline: deadlines.sort((a, b) => a.at - b.at)[0], budget: budgetOf(inputs.budget) };
}

function budgetOf(written: string | undefined): number | undefined {
  if (written === undefined) return undefined;
  const amount = /^\d+(\.\d+)?$/.test(written) ? Number(written) : 0;
  if (amount > 0) return amount;
  throw new UserError(`input budget: '${written}' is not an amount of money above 0`, {
    advice: "Write it as a number in the currency of 'prices', such as '12.50'.",
  });
}
