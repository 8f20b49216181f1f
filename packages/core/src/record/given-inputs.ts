import type { StageRecord } from './schema.ts';

/** What stages read and none of them wrote, each path once and in order: the data and code that all was made of. */
export function givenInputs(
  stages: readonly Pick<StageRecord, 'inputs' | 'outputs'>[],
): StageRecord['inputs'] {
  const written = new Set(stages.flatMap(({ outputs }) => outputs.map(({ path }) => path)));
  const given = stages.flatMap(({ inputs }) => inputs.filter(({ path }) => !written.has(path)));
  return [...new Map(given.map((one) => [one.path, one])).values()].sort((a, b) =>
    a.path < b.path ? -1 : 1,
  );
}
