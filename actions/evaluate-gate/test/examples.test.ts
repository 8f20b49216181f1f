import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuleRecord } from '@mlops/core/record';
import { type PredictionTable, readPredictions } from '@mlops/predictions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ExampleOptions, examineExamples } from '../src/examples.ts';
import { judge, type Verdict } from '../src/judge.ts';
import { rulesSchema } from '../src/rules.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'examples-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Row = Readonly<Record<string, string | number>>;
let written = 0;

async function table(rows: readonly Row[]): Promise<PredictionTable> {
  const name = `${written++}.csv`;
  const columns = Object.keys(rows[0] ?? {});
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  await writeFile(join(folder, name), `${lines.map((cells) => cells.join(',')).join('\n')}\n`);
  return readPredictions(folder, [name], {});
}

async function judged(
  rules: Record<string, unknown>,
  candidate: readonly Row[],
  baseline?: readonly Row[],
  changes: Partial<ExampleOptions> = {},
): Promise<RuleRecord[]> {
  const parsed = rulesSchema.parse(rules);
  const examples = await examineExamples(parsed, {
    ...{ candidate: await table(candidate), baseline: baseline && (await table(baseline)) },
    ...{
      resamples: 2000,
      seed: 0,
      maxUnpaired: 0.01,
      allowDifferentTestSet: false,
      ifSameAsBaseline: 'warn',
    },
    signal: new AbortController().signal,
    ...changes,
  });
  return judge(parsed, {
    candidate: { metrics: examples.values },
    baseline: baseline && { metrics: {} },
    ...{ examples, ifNoBaseline: 'fail' },
  });
}

/** `size` examples, half of them positive, of which those that `wrong` tells are predicted wrongly. */
function classes(size: number, wrong: (i: number) => boolean, first = 0): Row[] {
  return Array.from({ length: size }, (_, i) => {
    const label = i % 2;
    return { id: first + i, label, prediction: wrong(i) ? 1 - label : label };
  });
}
const firstWrong = (count: number) => (i: number) => i < count;

describe('the share of right predictions', () => {
  // Wilson's 95 % interval of 180 of 200 is 0.850594 to 0.934330 (scipy.stats.binomtest(180, 200).proportion_ci(method='wilson')),
  // of 5 of 5 0.565518 to 1, of 90 of 100 0.825635 to 0.944771.
  test.each<[string, Row[], Record<string, unknown>, Verdict]>([
    ['180 of 200', classes(200, firstWrong(20)), { threshold: 0.85 }, 'pass'],
    ['180 of 200', classes(200, firstWrong(20)), { threshold: 0.851 }, 'inconclusive'],
    ['180 of 200', classes(200, firstWrong(20)), { threshold: 0.934 }, 'inconclusive'],
    ['180 of 200', classes(200, firstWrong(20)), { threshold: 0.935 }, 'fail'],
    ['180 of 200', classes(200, firstWrong(20)), { threshold: 0.935, severity: 'warn' }, 'warn'],
    ['5 of 5', classes(5, () => false), { threshold: 0.56 }, 'pass'],
    ['5 of 5', classes(5, () => false), { threshold: 0.9 }, 'inconclusive'],
    ['none of 200', classes(200, () => true), { threshold: 0.1 }, 'fail'],
  ])('%s, %o', async (_, rows, rule, verdict) => {
    const [record] = await judged({ accuracy: rule }, rows);
    expect(record).toMatchObject({ verdict, method: 'Wilson score interval' });
  });

  test('says how many examples would have decided', async () => {
    const [record] = await judged({ accuracy: { threshold: 0.89 } }, classes(200, firstWrong(20)));
    // 200 × ((0.9 - 0.850594) / 0.01)² = 4882
    expect(record?.needed).toBe(4882);
    expect(record?.explanation).toMatch(
      /^0\.9 \(95 % interval 0\.850594 to 0\.93433, Wilson score interval\) may be at least 0\.89, or not; some 4882 examples would have decided it$/,
    );
  });
});

describe('the change of the share', () => {
  const base = classes(200, firstWrong(20));
  // Tango's 95 % intervals, found by search of the restricted likelihood: of no difference in 200 ±0.018845;
  // 20 gained and none lost 0.065693 to 0.149368; none gained and 20 lost the same below 0.
  test.each<[string, Row[], Record<string, unknown>, Verdict]>([
    ['20 gained', classes(200, () => false), { min_absolute_change: 0.06 }, 'pass'],
    ['20 gained', classes(200, () => false), { min_absolute_change: 0.1 }, 'inconclusive'],
    ['20 gained', classes(200, () => false), { min_absolute_change: 0.15 }, 'fail'],
    ['20 lost', classes(200, firstWrong(40)), { min_absolute_change: 0 }, 'fail'],
    ['20 lost', classes(200, firstWrong(40)), { non_inferiority_margin: 0.05 }, 'fail'],
    ['20 lost', classes(200, firstWrong(40)), { non_inferiority_margin: 0.1 }, 'inconclusive'],
    ['20 lost', classes(200, firstWrong(40)), { non_inferiority_margin: 0.15 }, 'pass'],
    // 10 errors elsewhere: 10 gained, 10 lost, 0 with an interval that is not empty.
    [
      'as many gained as lost',
      classes(200, (i) => i >= 10 && i < 30),
      { min_absolute_change: 0 },
      'inconclusive',
    ],
    [
      'as many gained as lost',
      classes(200, (i) => i >= 10 && i < 30),
      { non_inferiority_margin: 0.1 },
      'pass',
    ],
  ])('%s, %o', async (_, rows, rule, verdict) => {
    const [record] = await judged({ accuracy: rule }, rows, base);
    expect(record).toMatchObject({ verdict, method: 'Tango score interval', examples: 200 });
  });

  test('is the same in whatever order the examples stand', async () => {
    const [one] = await judged({ accuracy: { min_absolute_change: 0 } }, classes(200, firstWrong(25)), base);
    const [other] = await judged(
      { accuracy: { min_absolute_change: 0 } },
      classes(200, firstWrong(25)).toReversed(),
      base,
    );
    expect(other).toEqual(one);
  });
});

describe('errors of predicted numbers', () => {
  // Errors of ±1 and ±3 in turn: the mean absolute error is 2, its standard error 1 / √400 = 0.05.
  const numbers = (factor: number, first = 0): Row[] =>
    Array.from({ length: 400 }, (_, i) => ({
      id: first + i,
      label: i,
      prediction: i + (i % 2 ? 3 : 1) * (i % 4 < 2 ? 1 : -1) * factor,
    }));
  test.each<[Record<string, unknown>, Verdict]>([
    [{ mae: { threshold: 2.2 } }, 'pass'],
    [{ mae: { threshold: 2.05 } }, 'inconclusive'],
    [{ mae: { threshold: 1.8 } }, 'fail'],
    // The baseline's errors are twice as large, each: 2 better.
    [{ mae: { min_absolute_change: 1.8 } }, 'pass'],
    [{ mae: { min_absolute_change: 2.2 } }, 'fail'],
    // Relative to the baseline, every resample says the same, and nothing of what varies between examples.
    [{ rmse: { min_relative_change: 0.4 } }, 'inconclusive'],
  ])('%o: %s', async (rules, verdict) => {
    const [record] = await judged(rules, numbers(1), numbers(2));
    expect(record?.verdict).toBe(verdict);
  });
});

describe('never a pass', () => {
  const good = classes(200, firstWrong(5));
  test.each<[string, Row[], Row[], Partial<ExampleOptions>, Verdict, RegExp]>([
    ['a model compared with itself', good, good, {}, 'warn', /predict the same of every example/],
    ['the same, where that fails', good, good, { ifSameAsBaseline: 'fail' }, 'fail', /compared with itself/],
    [
      'other examples',
      good,
      classes(200, firstWrong(5), 100),
      {},
      'inconclusive',
      /tested on other examples: 100 of the candidate's and 100/,
    ],
    [
      'too few of the same examples',
      good,
      classes(200, firstWrong(9), 100),
      { allowDifferentTestSet: true },
      'inconclusive',
      /200 of 300 examples have no partner, such as '0'/,
    ],
    [
      'examples that occur twice',
      [...good, ...good.slice(0, 20)],
      classes(200, firstWrong(9)),
      {},
      'inconclusive',
      /20 of 220 examples in .* have an id that another has/,
    ],
  ])('%s', async (_, candidate, baseline, options, verdict, why) => {
    const [record] = await judged({ accuracy: { min_absolute_change: -0.5 } }, candidate, baseline, options);
    expect(record?.verdict).toBe(verdict);
    expect(record?.explanation).toMatch(why);
  });

  test('different labels of the same examples', async () => {
    const other = good.map((row, i) => (i === 7 ? { ...row, label: 0 } : row));
    const rule = { accuracy: { non_inferiority_margin: 0.1 } };
    expect((await judged(rule, good, other))[0]?.explanation).toMatch(/and 1 have another label/);
    const [allowed] = await judged(rule, classes(200, firstWrong(4)), other, { allowDifferentTestSet: true });
    expect(allowed?.verdict).toBe('pass');
  });

  test.each([
    ['roc_auc', "'roc_auc' needs the column 'score'"],
    ['rmse', "'rmse' is a metric of regression tasks, and this is binary"],
    ['recall[7]', "there is no class '7'"],
  ])('a metric that cannot be had: %s', async (metric, why) => {
    const [record] = await judged({ [metric]: { threshold: 0 } }, good);
    expect(record).toMatchObject({ verdict: 'fail', candidate: null });
    expect(record?.explanation).toContain(why);
  });

  test('a metric that the baseline alone lacks', async () => {
    const scored = good.map((row) => ({ ...row, score: Number(row.prediction) * 0.5 + 0.3 }));
    const [threshold, change] = await judged(
      { roc_auc: { threshold: 0.5, min_absolute_change: -1 } },
      scored,
      good,
    );
    expect(threshold?.verdict).toBe('pass');
    expect(change).toMatchObject({
      verdict: 'inconclusive',
      explanation:
        "nothing can be compared: of the baseline, 'roc_auc' needs the column 'score', which the predictions lack",
    });
  });

  test('precision where nothing was predicted as positive', async () => {
    const rows = classes(20, () => false).map((row) => ({ ...row, prediction: 0 }));
    const [record] = await judged({ precision: { threshold: 0 } }, rows);
    expect(record?.verdict).toBe('fail');
  });
});

test('a comparison without a baseline is what if-no-baseline says', async () => {
  const [record] = await judged({ accuracy: { min_absolute_change: 0 } }, classes(200, firstWrong(5)));
  expect(record).toMatchObject({
    verdict: 'fail',
    candidate: 0.975,
    explanation: 'there is no baseline yet to compare with',
  });
});
