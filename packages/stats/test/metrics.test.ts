import { metricNamed, metricNames, metricsOf, type Predictions } from '@mlops/stats';
import { random } from '@mlops/testkit/random';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { predictions, valueIn } from './predictions.ts';

describe('by hand', () => {
  test('average precision at k is over as many relevant documents as could be among the first k', () => {
    const given = predictions('ranking', { label: [1, 0, 1, 1], score: [4, 3, 2, 1], query: [0, 0, 0, 0] });
    expect(valueIn('map@2', given)).toBeCloseTo(1 / 2, 12);
    expect(valueIn('map', given)).toBeCloseTo((1 + 2 / 3 + 3 / 4) / 3, 12);
  });

  test('the calibration error is the distance of probabilities from shares in each bin', () => {
    const given = predictions('binary', { label: [1, 0, 1, 1], score: [0.1, 0.1, 0.9, 0.9] });
    expect(valueIn('ece@2', given)).toBeCloseTo((0.8 + 0.2) / 4, 12);
  });

  test('the examples of a ranking are its queries, which take as long as their slowest document', () => {
    const given = predictions('ranking', {
      ...{ label: [1, 0, 1, 0, 0], score: [5, 4, 3, 2, 1], query: [1, 0, 0, 1, 2] },
      ...{ latency: [0.1, 0.2, 0.4, 0.3, 0.2], weight: [1, 3, 3, 1, 0] },
    });
    expect(valueIn('map', given)).toBeCloseTo((1 * 1 + 3 * (1 / 2)) / 4, 12);
    expect(valueIn('latency_mean', given)).toBeCloseTo((0.4 + 0.3 + 0.2) / 3, 12);
    expect(valueIn('latency_p50', given)).toBeCloseTo(0.3, 12);
  });

  test('a class whose examples all weigh 0 is as if it were not there', () => {
    const classes = ['a', 'b', 'c'];
    const all = { label: [0, 1, 1, 2], prediction: [0, 1, 0, 2], weight: [1, 2, 1, 0], classes };
    const present = { label: [0, 1, 1], prediction: [0, 1, 0], weight: [1, 2, 1], classes };
    for (const name of [
      'accuracy',
      'balanced_accuracy',
      'mcc',
      'cohen_kappa',
      'precision_macro',
      'f1_macro',
      'f1_weighted',
    ])
      expect(valueIn(name, predictions('multiclass', all)), name).toBe(
        valueIn(name, predictions('multiclass', present)),
      );
  });

  test('a constant target has no variance, where scikit-learn may divide by what rounding leaves', () => {
    const label = new Array(7).fill(0.1);
    expect(valueIn('r2', predictions('regression', { label, prediction: [...label.slice(1), 0.2] }))).toBe(0);
    const two = metricNamed('r2')?.statistic(
      predictions('regression', { label: [0.1, 0.7], prediction: [0.2, 0.7] }),
    );
    if (two?.kind !== 'sums') throw new Error('r2 is a function of sums');
    const firstTwice = two.columns.map((column) => 2 * (column[0] as number));
    expect(two.value(firstTwice)).toBe(0);
  });

  test('latencies are seconds at a percentile', () => {
    const latency = Array.from({ length: 101 }, (_, i) => i / 100);
    const given = predictions('regression', { label: latency, prediction: latency, latency });
    expect(valueIn('latency_p95', given)).toBeCloseTo(0.95, 12);
    expect(valueIn('latency_mean', given)).toBeCloseTo(0.5, 12);
  });
});

describe('a metric that cannot be computed', () => {
  test.each([
    [
      'rmse',
      predictions('binary', { label: [0, 1] }),
      "'rmse' is a metric of regression tasks, and this is binary",
    ],
    [
      'roc_auc',
      predictions('binary', { label: [0, 1] }),
      "'roc_auc' needs the column 'score', which the predictions lack",
    ],
    [
      'log_loss',
      predictions('binary', { label: [0, 1], score: [0.1, 7] }),
      'the score 7 of example 2 is no probability',
    ],
    ['accuracy', predictions('binary', { label: [], prediction: [] }), 'there are no examples'],
    [
      'top_3_accuracy',
      predictions('multiclass', { label: [0], score: [1, 0, 0], classes: ['a', 'b', 'c'] }),
      'there are 3 classes, so that every example is among 3',
    ],
    [
      'median_absolute_error',
      predictions('regression', { label: [1], prediction: [2], weight: [1] }),
      "'median_absolute_error' has no place for weights",
    ],
    [
      'ndcg',
      predictions('ranking', { label: [1, 0], score: [1, 2], query: [0, 0], weight: [1, 2] }),
      'a query counts as a whole, and row 2 has the weight 2 where another of its query has 1',
    ],
    ['ndcg', predictions('ranking', { label: [-1], score: [1], query: [0] }), 'a relevance is below 0'],
    ['roc_auc', predictions('binary', { label: [1, 1], score: [0, 1] }), "every example is '1'"],
    ['pr_auc', predictions('binary', { label: [0, 0], score: [0, 1] }), "no example is '1'"],
    [
      'roc_auc_ovr_macro',
      predictions('multiclass', { label: [0, 1], score: [1, 0, 0, 0, 1, 0], classes: ['a', 'b', 'c'] }),
      "no example is of the class 'c'",
    ],
    [
      'brier',
      predictions('multiclass', { label: [0], score: [0.5, 0.2], classes: ['a', 'b'] }),
      'the probabilities of example 1 add up to 0.7, not to 1',
    ],
    [
      'recall[x]',
      predictions('binary', { label: [1], prediction: [1] }),
      "there is no class 'x'; there are 0, 1",
    ],
  ])('%s says why', (name, given, problem) => {
    expect(metricNamed(name)?.problem(given)).toBe(problem);
  });
});

test('every name that is listed is a metric, and what is none is undefined', () => {
  expect(metricNames.filter((name) => metricNamed(name)?.name !== name)).toEqual([]);
  for (const name of [
    'constructor',
    'toString',
    'accuracyy',
    'top_0_accuracy',
    'latency_p',
    'quantile_loss@1.5',
    'test.accuracy',
  ])
    expect(metricNamed(name), name).toBeUndefined();
});

test('the usual metrics are those that the columns allow', () => {
  const given = predictions('binary', { label: [0, 1, 1], prediction: [0, 1, 0] });
  expect(metricsOf(given).map(({ name }) => name)).toEqual([
    ...['accuracy', 'balanced_accuracy', 'precision', 'recall', 'specificity', 'f1'],
  ]);
});

test('no curve of each class is drawn unasked where there are many classes and examples', () => {
  const names = (size: number) => {
    const classes = Array.from({ length: 100 }, (_, c) => `class ${c}`);
    const label = Array.from({ length: size }, (_, i) => i % 100);
    const score = new Float64Array(size * 100).fill(0.01);
    return metricsOf(predictions('multiclass', { label, score, classes })).map(({ name }) => name);
  };
  expect(names(200)).toEqual(['roc_auc_ovr_macro', 'log_loss', 'brier', 'ece']);
  expect(names(20_000)).toEqual(['log_loss', 'brier', 'ece']);
});

const share = fc.integer({ min: 0, max: 64 }).map((n) => n / 64);
const example = fc.record({
  weight: fc.integer({ min: 1, max: 3 }),
  label: fc.nat(2),
  prediction: fc.nat(2),
  score: share.chain((first) => share.map((part) => [first, (1 - first) * part, (1 - first) * (1 - part)])),
});
type Example = typeof example extends fc.Arbitrary<infer T> ? T : never;

const tasks = {
  binary: (all: Example[]) => ({
    label: all.map(({ label }) => Math.min(label, 1)),
    prediction: all.map(({ prediction }) => Math.min(prediction, 1)),
    score: all.map(({ score }) => score[0]),
  }),
  multiclass: (all: Example[]) => ({
    label: all.map(({ label }) => label),
    prediction: all.map(({ prediction }) => prediction),
    score: all.flatMap(({ score }) => score),
    classes: ['a', 'b', 'c'],
  }),
  regression: (all: Example[]) => ({
    label: all.map(({ label, score }) => label + (score[0] as number)),
    prediction: all.map(({ prediction, score }) => prediction + (score[1] as number)),
  }),
} as const;

describe.each(['binary', 'multiclass', 'regression'] as const)('a metric of %s', (task) => {
  const names = metricNames.filter((name) => metricNamed(name)?.tasks.includes(task));
  const of = (all: Example[], more = {}) => predictions(task, { ...tasks[task](all), ...more });
  const examples = fc.array(example, { minLength: 1, maxLength: 40 });

  test('is the same in any order, and where all examples are there twice', () => {
    fc.assert(
      fc.property(examples, fc.integer(), (all, seed) => {
        fc.pre(all.length > 1 || task !== 'regression');
        const order = random(seed);
        const shuffled = all
          .map((one) => ({ one, at: order() }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one);
        for (const name of names) {
          expectSame(name, of(shuffled), of(all));
          expectSame(name, of([...all, ...all]), of(all));
        }
      }),
      { numRuns: 50 },
    );
  });

  test('counts an example of weight 3 as three, and lies in its range', () => {
    fc.assert(
      fc.property(examples, (all) => {
        fc.pre(all.length > 1 || task !== 'regression');
        const weighted = of(all, { weight: all.map(({ weight }) => weight) });
        const repeated = of(all.flatMap((one) => new Array<Example>(one.weight).fill(one)));
        for (const name of names.filter((one) => one !== 'median_absolute_error')) {
          expectSame(name, weighted, repeated);
          const [low, high] = metricNamed(name)?.range ?? [];
          const value = valueIn(name, weighted) ?? low;
          expect(value, name).toBeGreaterThanOrEqual((low as number) - 1e-12);
          expect(value, name).toBeLessThanOrEqual((high as number) + 1e-12);
        }
      }),
      { numRuns: 50 },
    );
  });
});

function expectSame(name: string, a: Predictions, b: Predictions): void {
  const [one, other] = [valueIn(name, a), valueIn(name, b)];
  if (one === null || other === null) expect(one, name).toBe(other);
  else expect(Math.abs(one - other), name).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(one)));
}
