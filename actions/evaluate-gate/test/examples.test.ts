import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuleRecord } from '@mlops/core/record';
import { type PredictionTable, readPredictions } from '@mlops/predictions';
import { proportionEstimate } from '@mlops/stats';
import { random } from '@mlops/testkit/random';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ExampleOptions, examineExamples, type SliceExamples } from '../src/examples.ts';
import { judge, type Verdict } from '../src/judge.ts';
import { metricsTable } from '../src/metrics-table.ts';
import { type Asked, askedOf, rulesSchema } from '../src/rules.ts';
import { judgeSlices } from '../src/together.ts';

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
  return readPredictions(folder, [name], {
    slices: columns.filter((column) => !['id', 'label', 'prediction', 'score', 'weight'].includes(column)),
  });
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
  // Tango's 95 % intervals, found by search of the restricted likelihood: of no difference in 200 ±0.020053;
  // 20 gained and none lost 0.065168 to 0.150129; none gained and 20 lost the same below 0.
  test.each<[string, Row[], Record<string, unknown>, Verdict]>([
    ['20 gained', classes(200, () => false), { min_absolute_change: 0.06 }, 'pass'],
    ['20 gained', classes(200, () => false), { min_absolute_change: 0.1 }, 'inconclusive'],
    ['20 gained', classes(200, () => false), { min_absolute_change: 0.151 }, 'fail'],
    ['20 lost', classes(200, firstWrong(40)), { min_absolute_change: 0 }, 'fail'],
    ['20 lost', classes(200, firstWrong(40)), { non_inferiority_margin: 0.05 }, 'fail'],
    ['20 lost', classes(200, firstWrong(40)), { non_inferiority_margin: 0.1 }, 'inconclusive'],
    ['20 lost', classes(200, firstWrong(40)), { non_inferiority_margin: 0.151 }, 'pass'],
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

describe('every slice', () => {
  // Sites with 95, 80 and 100 of 100 right. Wilson's intervals are 0.888250 to 0.978456, 0.711170 to 0.866634 and
  // 0.963005 to 1; one-sided, 80 of 100 against 0.87 has z = (0.8 - 0.87) / sqrt(0.87 0.13 / 100) = -2.0815, p = 0.0187,
  // and against 0.9 z = -3.3333, p = 0.00043. Times three, the first is more than 0.025.
  const wrong: Readonly<Record<string, number>> = { Ghent: 5, Lyon: 20, Turin: 0 };
  const sites: Row[] = Object.entries(wrong).flatMap(([site, count], i) =>
    classes(100, firstWrong(count), 100 * i).map((row) => ({ ...row, site })),
  );
  test.each<[Record<string, unknown>, Verdict, string]>([
    [{ threshold: 0.7 }, 'pass', 'site=Lyon'],
    [{ threshold: 0.8 }, 'inconclusive', 'site=Lyon'],
    [{ threshold: 0.87 }, 'inconclusive', 'site=Lyon'],
    [{ threshold: 0.9 }, 'fail', 'site=Lyon'],
    [{ threshold: 0.87, values: { site: ['Lyon'] } }, 'fail', 'site=Lyon'],
    [{ threshold: 0.87, values: { site: ['Ghent', 'Turin'] } }, 'pass', 'site=Ghent'],
    [{ threshold: 0.1, values: { site: ['Ghent', 'Paris'] } }, 'fail', 'site=Paris'],
    [{ threshold: 0.1, min_size: 101, values: { site: ['Ghent'] } }, 'inconclusive', 'site=Ghent'],
  ])('%o: %s, the worst is %s', async (bounds, verdict, worst) => {
    const [whole, record, ...more] = await judged(
      { accuracy: { threshold: 0.5, slices: { columns: 'site', ...bounds } } },
      sites,
    );
    expect(more).toEqual([]);
    expect(whole).toMatchObject({ verdict: 'pass', examples: 300 });
    expect(record).toMatchObject({ verdict, worstSlice: worst });
  });

  test('is asked the same as all where it has no bounds of its own', async () => {
    const records = await judged({ accuracy: { threshold: 0.87, slices: ['site'] } }, sites);
    // 275 of 300: 0.8800 to 0.9428.
    expect(records.map(({ bound, verdict }) => [bound, verdict])).toEqual([
      [0.87, 'pass'],
      [0.87, 'inconclusive'],
    ]);
    expect(records[1]?.slices?.map(({ value, verdict }) => [value, verdict])).toEqual([
      ['Ghent', 'pass'],
      ['Lyon', 'inconclusive'],
      ['Turin', 'pass'],
    ]);
    expect(records[1]?.explanation).toContain('but among 3 such tests that may be chance');
    expect(records[1]?.pValue).toBeCloseTo(3 * 0.018693, 4);
  });

  test('with too few examples is shown and not judged, and nothing is judged when all have too few', async () => {
    const rows = [...sites, ...classes(5, () => true, 900).map((row) => ({ ...row, site: 'Basel' }))];
    const rule = (min_size: number) => ({
      accuracy: { slices: { columns: ['site'], min_size, threshold: 0.7 } },
    });
    const [record] = await judged(rule(30), rows);
    expect(record).toMatchObject({ verdict: 'pass', worstSlice: 'site=Lyon' });
    expect(record?.slices?.[0]).toMatchObject({ value: 'Basel', verdict: 'too-small', examples: 5 });
    const [none] = await judged(rule(1000), rows);
    expect(none).toMatchObject({ verdict: 'inconclusive', candidate: null });
    expect(none?.interval).toBeUndefined();
  });

  test('where a metric is not defined is not judged, unless it was named', async () => {
    const rows = sites.map((row) => (row.site === 'Turin' ? { ...row, label: 0, prediction: 0 } : row));
    const rule = (values?: object) => ({
      recall: { slices: { columns: ['site'], threshold: 0.5, ...(values && { values }) } },
    });
    const [record] = await judged(rule(), rows);
    expect(record?.slices?.map(({ verdict }) => verdict)).toEqual(['pass', 'pass', 'too-small']);
    const [named] = await judged(rule({ site: ['Turin'] }), rows);
    expect(named).toMatchObject({ verdict: 'inconclusive', worstSlice: 'site=Turin' });
  });

  test('is compared with the same slice of the baseline', async () => {
    const before = sites.map((row) => (row.site === 'Lyon' ? { ...row, prediction: row.label ?? 0 } : row));
    const [all, each] = await judged(
      { accuracy: { non_inferiority_margin: 0.15, slices: 'site' } },
      sites,
      before,
    );
    // Of all 300 20 are lost: Tango's interval is above -0.101214; of Lyon's 100 examples 20: -0.290204 to -0.132336.
    expect(all?.verdict).toBe('pass');
    expect(each).toMatchObject({ verdict: 'inconclusive', worstSlice: 'site=Lyon', examples: 100 });
    expect(each?.change).toBeCloseTo(-0.2, 12);
    const [, none] = await judged({ accuracy: { non_inferiority_margin: 0.15, slices: 'site' } }, sites);
    expect(none).toMatchObject({ verdict: 'fail', explanation: 'there is no baseline yet to compare with' });
  });

  test('whose value is known, but not its noise, does not pass', async () => {
    // One positive among 40, which is found: resamples without it have no F1.
    const rare: Row[] = classes(100, firstWrong(5)).map((row) => ({ ...row, site: 'Ghent' }));
    for (let i = 0; i < 40; i++)
      rare.push({ id: 900 + i, label: Number(i === 0), prediction: Number(i === 0), site: 'Lyon' });
    const [record] = await judged({ f1: { slices: { columns: 'site', threshold: 0.5 } } }, rare);
    expect(record).toMatchObject({ verdict: 'inconclusive', worstSlice: 'site=Lyon' });
    expect(record?.interval).toBeUndefined();
  });

  test('of a metric whose column is not there fails', async () => {
    const [record] = await judged({ roc_auc: { slices: { columns: 'site', threshold: 0.5 } } }, sites);
    expect(record).toMatchObject({
      verdict: 'fail',
      explanation: "'roc_auc' needs the column 'score', which the predictions lack",
    });
  });

  test('that the baseline has no example of is not judged', async () => {
    const before = sites.filter(({ site }) => site !== 'Lyon');
    const [, record] = await judged(
      { accuracy: { non_inferiority_margin: 0.2, slices: 'site' } },
      sites.map((row) => ({ ...row, prediction: row.label ?? 0 })),
      before,
      { allowDifferentTestSet: true, maxUnpaired: 1 },
    );
    expect(record?.verdict).toBe('pass');
    expect(record?.slices?.map(({ value, verdict }) => [value, verdict])).toEqual([
      ['Ghent', 'pass'],
      ['Lyon', 'too-small'],
      ['Turin', 'pass'],
    ]);
  });

  test('of a metric that predictions do not tell fails', async () => {
    const [record] = await judged({ churn: { slices: { columns: 'site', threshold: 1 } } }, sites);
    expect(record).toMatchObject({ verdict: 'fail' });
    expect(record?.explanation).toContain("'churn' is not computed from predictions");
  });
});

test('slices that lie on their bound fail by mistake no more often than one test would', () => {
  const asked = askedOf(
    rulesSchema.parse({ accuracy: { slices: { columns: 'site', threshold: 0.9 } } }),
  )[0] as Asked;
  const next = random(3);
  const [sets, sites, size] = [2000, 8, 300];
  let failed = 0;
  for (let set = 0; set < sets; set++) {
    const slices = Array.from({ length: sites }, (_, i) => {
      let right = 0;
      for (let n = 0; n < size; n++) right += Number(next() < 0.9);
      const slice = { column: 'site', value: String(i), isNamed: false } as SliceExamples['slice'];
      return { slice, size, told: { candidate: right / size, estimate: proportionEstimate(right, size) } };
    });
    if (judgeSlices(asked, slices).verdict === 'fail') failed++;
  }
  // 2.5 % and three standard errors of so many sets.
  expect(failed / sets).toBeLessThan(0.025 + 3 * Math.sqrt((0.025 * 0.975) / sets));
  expect(failed).toBeGreaterThan(0);
});

describe('fairness between groups', () => {
  /** Positives and negatives of a group, of which some are predicted as positive. */
  const group = (sex: string, [found, positives]: number[], [wrong, negatives]: number[], first: number) => {
    const rows = (label: number, selected = 0, size = 0) =>
      Array.from({ length: size }, (_, i) => ({ label, prediction: Number(i < selected), sex }));
    return [...rows(1, found, positives), ...rows(0, wrong, negatives)].map((row, i) => ({
      ...row,
      id: first + i,
    }));
  };
  // Selected: 60 of 100 against 40 of 100. Wilson's intervals are 0.502003 to 0.690599 and the mirrored; by Newcombe
  // (1998) the difference of 0.2 lies between 0.2 - 0.138589 = 0.061411 and 0.2 + 0.128126 = 0.328126.
  // Found: 45 of 50 against 35 of 50: 0.2, from 0.0436 to 0.3456. Taken for positive: 15 of 50 against 5 of 50, the same.
  const people = [...group('f', [45, 50], [15, 50], 0), ...group('m', [35, 50], [5, 50], 100)];
  test.each<[string, number, Verdict]>([
    ['demographic_parity_difference', 0.06, 'fail'],
    ['demographic_parity_difference', 0.1, 'inconclusive'],
    ['demographic_parity_difference', 0.32, 'inconclusive'],
    ['demographic_parity_difference', 0.33, 'pass'],
    ['equal_opportunity_difference', 0.04, 'fail'],
    ['equal_opportunity_difference', 0.05, 'inconclusive'],
    ['equal_opportunity_difference', 0.35, 'pass'],
    // Two tests: 0.04 is cleared at 0.025, but not at half of it.
    ['equalized_odds_difference', 0.04, 'inconclusive'],
    ['equalized_odds_difference', 0.03, 'inconclusive'],
    ['equalized_odds_difference', 0.35, 'pass'],
  ])('%s of at most %d: %s', async (metric, threshold, verdict) => {
    const [record] = await judged({ [metric]: { threshold, groups: 'sex' } }, people);
    expect(record?.verdict).toBe(verdict);
    expect(record?.candidate).toBeCloseTo(0.2, 12);
    expect(record?.worstSlice).toMatch(/^sex=f, m: /);
  });

  test('says which groups, and what there is where there are too few', async () => {
    const rule = (min_size: number) => ({
      demographic_parity_difference: { threshold: 0.06, groups: { columns: ['sex'], min_size } },
    });
    const [record] = await judged(rule(100), people);
    expect(record?.explanation).toBe(
      "sex=f, m: selection rate: a difference of 0.2 (95 % interval 0.0614107 to 0.328126, Newcombe's score interval) is not at most 0.06",
    );
    const [none] = await judged(rule(101), people);
    expect(none).toMatchObject({ verdict: 'inconclusive' });
    expect(none?.explanation).toBe(
      "the column 'sex' has no groups of at least 101 examples, and two are needed; it has 'f' (100), 'm' (100)",
    );
  });

  test('shows the groups that are too small to be compared', async () => {
    const rows = [...people, ...group('x', [1, 5], [0, 5], 300)];
    const [record] = await judged(
      { demographic_parity_difference: { threshold: 0.33, groups: 'sex' } },
      rows,
    );
    expect(record?.verdict).toBe('pass');
    expect(record?.slices?.at(-1)).toMatchObject({ value: 'x', verdict: 'too-small', examples: 10 });
  });

  test('of groups without a positive example says nothing', async () => {
    const rows = [...group('f', [45, 50], [0, 50], 0), ...group('m', [0, 0], [5, 50], 100)];
    const [record] = await judged({ equal_opportunity_difference: { threshold: 1, groups: 'sex' } }, rows);
    expect(record).toMatchObject({ verdict: 'inconclusive', candidate: null });
    expect(record?.interval).toBeUndefined();
  });
});

describe('how noise is found', () => {
  const rows = classes(200, firstWrong(20));
  test.each<[string, string]>([
    ['auto', 'Wilson score interval'],
    ['mcnemar', 'Wilson score interval'],
    ['bootstrap-percentile', 'bootstrap, percentiles, 2,000 resamples'],
  ])('as a rule says: %s', async (method, shown) => {
    const [record] = await judged({ accuracy: { threshold: 0.5, method } }, rows);
    expect(record?.method).toBe(shown);
  });

  test('and a method that says nothing of a metric is an error', async () => {
    await expect(judged({ accuracy: { threshold: 0.5, method: 'delong' } }, rows)).rejects.toThrow(
      "the rule for 'accuracy' says 'method: delong', but DeLong is of the area under the ROC curve",
    );
    await expect(judged({ accuracy: { threshold: 0.5, method: 't' } }, rows)).rejects.toThrow(
      'which is of seeds and folds',
    );
  });

  test('in strata, where each resample has as many of each', async () => {
    const [record] = await judged({ accuracy: { threshold: 0.5 } }, rows, undefined, { stratify: 'label' });
    expect(record?.method).toContain('stratified bootstrap');
    await expect(
      judged(
        { mae: { threshold: 1 } },
        rows.map((row, i) => ({ ...row, label: i / 7, prediction: i / 7 })),
        undefined,
        { stratify: 'label' },
      ),
    ).rejects.toThrow("the input 'stratify' is 'label', but the labels are numbers");
  });
});

test('every usual metric of the task is known with its noise, and what the model gets wrong is drawn', async () => {
  const scored = classes(200, firstWrong(20)).map((row, i) => ({ ...row, score: ((i * 37) % 100) / 100 }));
  const examples = await examineExamples(rulesSchema.parse({ accuracy: 0.8 }), {
    ...{ candidate: await table(scored), baseline: await table(classes(200, firstWrong(40))) },
    ...{ resamples: 200, seed: 0, maxUnpaired: 0.01, allowDifferentTestSet: false, ifSameAsBaseline: 'warn' },
    signal: new AbortController().signal,
  });
  const rows = metricsTable(rulesSchema.parse({ accuracy: 0.8 }), {
    ...{ candidate: { metrics: {} }, baseline: { metrics: {} }, examples: examples.metrics },
  });
  const accuracy = rows.find(({ name }) => name === 'accuracy');
  expect(accuracy).toMatchObject({ candidate: 0.9, baseline: 0.8, greaterIsBetter: true });
  expect(accuracy?.change).toBeCloseTo(0.1, 12);
  // Tango's interval, as above.
  expect(accuracy?.changeInterval).toMatchObject({ low: expect.closeTo(0.065168, 5) });
  const names = rows.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['balanced_accuracy', 'f1', 'roc_auc', 'log_loss', 'ece']));
  // The baseline has no scores.
  expect(rows.find(({ name }) => name === 'log_loss')).toMatchObject({ baseline: null, change: null });
  expect(examples.plots.confusion?.candidate).toEqual([
    [90, 10],
    [10, 90],
  ]);
  expect(examples.plots.roc?.candidate.length).toBeGreaterThan(10);
});
