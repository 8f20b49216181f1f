import { annotate, type InputsOf, UserError } from '@mlops/core';
import type { StageRecord } from '@mlops/core/record';
import type { action } from './action.ts';
import { duration } from './format.ts';
import type { Stopped } from './limits.ts';
import type { CheckpointFacts } from './supervisor.ts';

/**
 * Tells that a training was stopped at a limit. That is no failure of its command when the next attempt can go on: from a
 * checkpoint, or after stages whose results are kept. `stages` is empty where results are not kept.
 *
 * @throws UserError unless the step may pass unfinished; always where a next job would start anew
 */
export function tellUnfinished(
  { message }: Stopped,
  { checkpointDir, ifUnfinished, cache }: InputsOf<typeof action>,
  { checkpoints, stages }: { checkpoints: CheckpointFacts; stages: readonly StageRecord[] },
): void {
  const { newest, unsavedBecause } = checkpoints;
  const done = cache === 'off' ? undefined : stages.findLast(isKept);
  if (!newest && !done)
    throw new UserError(`${message}, and there is no checkpoint to go on from`, {
      advice:
        checkpointDir === undefined
          ? "Raise the limit, or have the command write checkpoints and name their folder in 'checkpoint-dir'."
          : `Have the command write checkpoints into '${checkpointDir}' more often, or at once when it is interrupted.`,
    });
  if (newest && unsavedBecause && !done)
    throw new UserError(
      `${message}; checkpoint ${newest.sequence} is on this machine only: ${unsavedBecause}`,
      {
        advice:
          'Another job would start anew. Raise the limit, or train from a branch of the repository itself.',
      },
    );
  const from =
    newest && !unsavedBecause
      ? `from checkpoint ${newest.sequence}, after ${duration(newest.spent.seconds * 1000)} in all`
      : `after the stage '${done?.name}', whose result is kept`;
  const text = `${message}; the training can go on ${from}`;
  if (ifUnfinished === 'pass') annotate('notice', text, { title: 'Not finished' });
  else
    throw new UserError(text, {
      advice:
        "Re-run this job to go on. 'if-unfinished: pass' lets the steps that follow decide by the output 'finished'.",
    });
}

/** A stage that depends on nothing that is declared would run again. */
function isKept({ outcome, inputs, parameters }: StageRecord): boolean {
  return outcome === 'ran' && (inputs.length > 0 || Object.keys(parameters).length > 0);
}
