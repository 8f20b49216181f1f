import { isDeepStrictEqual } from 'node:util';
import { type GateRecord, givenInputs, type StageRecord, type TrainingRecord } from '@mlops/core/record';

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
    byPath(givenInputs(stages)),
    byPath(baseline.inputs),
    (a, b) => a.digest === b.digest && a.bytes === b.bytes,
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
