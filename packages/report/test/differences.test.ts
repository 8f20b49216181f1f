import { givenInputs, type StageRecord } from '@mlops/core/record';
import { describe, expect, test } from 'vitest';
import { costsOf, totalOf } from '../src/costs.ts';
import { dataDifferences, parameterDifferences } from '../src/differences.ts';
import { sampleRecord } from './sample-record.ts';

const record = sampleRecord();
const [job] = record.jobs;
const training = job?.trainings[0];
const baseline = job?.gates[0]?.baseline ?? null;
if (!job || !training || !baseline) throw new Error('the sample has become smaller');

describe('parameters', () => {
  test('differ where they were added, removed or changed', () => {
    expect(parameterDifferences(training, baseline)).toEqual([
      { name: 'train.bins', kind: 'removed', baseline: 64, candidate: undefined },
      { name: 'train.max_depth', kind: 'changed', baseline: 6, candidate: 8 },
      { name: 'train.seed', kind: 'added', baseline: undefined, candidate: 7 },
    ]);
  });

  test('are compared by what they hold, a null being a value', () => {
    const parameters = { a: [1, { b: 2 }], c: null };
    const differ = (others: typeof training.parameters) =>
      parameterDifferences({ parameters }, { ...baseline, parameters: others });
    expect(differ({ a: [1, { b: 2 }], c: null })).toEqual([]);
    expect(differ({ a: [1, { b: 3 }] })).toMatchObject([{ kind: 'changed' }, { name: 'c', kind: 'added' }]);
  });

  test('are compared with nothing where those of the baseline are not known', () => {
    const { parameters: _, ...older } = baseline;
    expect(parameterDifferences(training, older)).toBeUndefined();
    expect(parameterDifferences(training, null)).toBeUndefined();
  });
});

describe('data', () => {
  test('are what the stages read and none of them wrote, each once', () => {
    expect(givenInputs(training.stages).map(({ path }) => path)).toEqual([
      ...['data/2026.csv', 'data/images', 'prepare.py', 'train.py'],
    ]);
    expect(givenInputs([...training.stages, ...training.stages])).toHaveLength(4);
  });

  test('differ by digest, with sizes and digests of both sides', () => {
    expect(
      dataDifferences(training, baseline)?.map(({ name, kind, baseline, candidate }) => [
        ...[name, kind, baseline?.bytes, candidate?.bytes],
      ]),
    ).toEqual([
      ['data/2025.csv', 'removed', 2_100_000, undefined],
      ['data/2026.csv', 'added', undefined, 2_400_000],
      ['train.py', 'changed', 8800, 9000],
    ]);
    expect(dataDifferences({ stages: [] as StageRecord[] }, { ...baseline, inputs: [] })).toEqual([]);
  });
});

describe('costs', () => {
  test('of a job are those of its trainings, and what caches saved', () => {
    expect(costsOf(job)).toEqual({
      ...{ durationMs: 30_000, wattHours: 24.6, co2Grams: 9.8, money: { USD: 1.04 }, savedMs: 1212 },
    });
  });

  test('add up by currency, and are not known where nobody measured', () => {
    const euro = structuredClone(job);
    Object.assign(euro.trainings[0]?.resources?.cost ?? {}, { amount: 2, currency: 'EUR' });
    const none = { ...job, trainings: [] };
    expect(totalOf([job, job, euro, none].map(costsOf))).toMatchObject({
      ...{ durationMs: 120_000, money: { USD: 2.08, EUR: 2 } },
    });
    expect(totalOf([none, none].map(costsOf))).toMatchObject({ wattHours: null, co2Grams: null, money: {} });
  });
});
