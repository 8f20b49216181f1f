import { isDeepStrictEqual } from 'node:util';
import type { GateRecord, StageRecord, TrainingRecord } from '@mlops/core/record';

type Content = StageRecord['inputs'][number];
type Value = TrainingRecord['parameters'][string];

export interface Difference<T> {
  name: string;
  kind: 'added' | 'removed' | 'changed';
  /** Undefined where it was not there. */
  baseline: T | undefined;
  candidate: T | undefined;
}

/** Parameters that differ from the baseline's, by name; undefined where the baseline's are not known. */
export function parameterDifferences(
  { parameters }: Pick<TrainingRecord, 'parameters'>,
  baseline: GateRecord['baseline'],
): Difference<Value>[] | undefined {
  return (
    baseline?.parameters &&
    differences(
      new Map(Object.entries(parameters)),
      new Map(Object.entries(baseline.parameters)),
      isDeepStrictEqual,
    )
  );
}

/** Data that differ from those that the baseline was made of; undefined where these are not known. */
export function dataDifferences(
  { stages }: Pick<TrainingRecord, 'stages'>,
  baseline: GateRecord['baseline'],
): Difference<Content>[] | undefined {
  if (!baseline?.inputs) return undefined;
  const byPath = (contents: readonly Content[]) => new Map(contents.map((one) => [one.path, one]));
  return differences(
    byPath(givenData(stages)),
    byPath(baseline.inputs),
    (a, b) => a.digest === b.digest && a.bytes === b.bytes,
  );
}

/** What the stages read and none of them wrote, by path. */
export function givenData(stages: readonly StageRecord[]): Content[] {
  const written = new Set(stages.flatMap(({ outputs }) => outputs.map(({ path }) => path)));
  const given = stages.flatMap(({ inputs }) => inputs.filter(({ path }) => !written.has(path)));
  return [...new Map(given.map((one) => [one.path, one])).values()].sort((a, b) =>
    a.path < b.path ? -1 : 1,
  );
}

function differences<T>(
  candidate: ReadonlyMap<string, T>,
  baseline: ReadonlyMap<string, T>,
  same: (a: T, b: T) => boolean,
): Difference<T>[] {
  const names = [...new Set([...candidate.keys(), ...baseline.keys()])].sort();
  return names.flatMap((name): Difference<T>[] => {
    const [now, before] = [candidate.get(name), baseline.get(name)];
    if (now !== undefined && before !== undefined && same(now, before)) return [];
    const kind = before === undefined ? 'added' : now === undefined ? 'removed' : 'changed';
    return [{ name, kind, baseline: before, candidate: now }];
  });
}
