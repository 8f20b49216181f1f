import { type Expectations, isCommit, isRepository } from './check-expectations.ts';
import type { Checks } from './checks.ts';
import { type Training, trainingPredicate, trainingSchema } from './predicate.ts';
import { canonical } from './statement.ts';
import type { Trusted } from './trusted.ts';

/** The one statement of what the subject was made of; two that contradict each other are as good as none. */
export function chooseTraining(
  trusted: readonly Trusted[],
  expect: Expectations,
  checks: Checks,
): Training | undefined {
  const read = trusted
    .filter(({ statement }) => statement.predicateType === trainingPredicate)
    .map(({ digest, statement }) => ({ digest, parsed: trainingSchema.safeParse(statement.predicate) }));
  const found: Training[] = [];
  for (const { digest, parsed } of read) {
    const [issue] = parsed.error?.issues ?? [];
    if (parsed.success) found.push(parsed.data);
    else
      checks.add(
        `statement in ${digest.slice(0, 19)}…`,
        trainingPredicate,
        `${issue?.path.join('.')}: ${issue?.message}`,
        false,
      );
  }
  if (found.length < read.length) return undefined;
  // The same content may have been built by several runs; those that are not meant do not contradict.
  const meant = found.filter(
    ({ source }) =>
      (expect.commit === undefined || isCommit(source, expect.commit)) &&
      (expect.repository === undefined || isRepository(source.repository, expect.repository)),
  );
  const [first, ...others] = meant.length ? meant : found;
  if (!first) return undefined;
  const contradictions = [...new Set(others.flatMap((other) => contradictionsOf(first, other)))];
  if (contradictions.length === 0) return first;
  checks.add(
    'statements',
    'one, or several that agree',
    `${others.length + 1} that differ in ${contradictions.join(', ')}`,
    false,
  );
  return undefined;
}

/** In what two statements differ that both tell of the same subject; their runs and times may. */
function contradictionsOf(one: Training, other: Training): string[] {
  const [essence, otherEssence] = [essenceOf(one), essenceOf(other)];
  const parts = Object.keys(essence) as (keyof typeof essence)[];
  return parts.filter((part) => canonical(essence[part]) !== canonical(otherEssence[part]));
}

/** What does not change when the same commit runs again and stages are skipped. */
function essenceOf({ source, trainings, gates }: Training) {
  return {
    code: [source.commit, source.tree, source.files],
    data: trainings.map(({ data }) => data),
    model: trainings.map(({ model }) => model),
    parameters: trainings.map(({ parameters }) => parameters),
    metrics: trainings.map(({ metrics }) => metrics),
    verdicts: gates.map(({ name, verdict }) => [name, verdict]),
  };
}
