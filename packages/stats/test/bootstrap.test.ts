import { type Estimate, estimates, type Question } from '@mlops/stats';
import { normal, random } from '@mlops/testkit/random';
import { describe, expect, test } from 'vitest';
import { predictions } from './predictions.ts';
import { science } from './science.ts';
import { change, classifications, regressions, simulate, value } from './simulation.ts';

const one = async (question: Question, options = {}): Promise<Estimate> => {
  const [estimate] = await estimates([question], options);
  if (!estimate) throw new Error('no estimate');
  return estimate;
};

test('intervals are those of SciPy, but for the resamples', async () => {
  const [a, b] = regressions(150, 5, [1, 1.2]);
  const expected = await science<Record<string, [number, number]>>(
    `from scipy import stats
y, a, b = map(np.array, given)
rmse = lambda e, axis=-1: np.sqrt(np.mean(e ** 2, axis=axis))
def interval(data, statistic, method):
    found = stats.bootstrap(data, statistic, paired=True, vectorized=True, n_resamples=40000, method=method, rng=1, batch=2000)
    return list(found.confidence_interval)
answer({
    'value bca': interval((a - y,), rmse, 'BCa'), 'value percentile': interval((a - y,), rmse, 'percentile'),
    'change bca': interval((a - y, b - y), lambda x, z, axis=-1: rmse(z, axis) - rmse(x, axis), 'BCa')})`,
    [[...a.label], [...(a.prediction ?? [])], [...(b.prediction ?? [])]],
  );
  const found = await estimates(
    [
      value('rmse', a, 'bootstrap-bca'),
      value('rmse', a, 'bootstrap-percentile'),
      change('rmse', a, b, { method: 'bootstrap-bca' }),
    ],
    { resamples: 40_000 },
  );
  for (const [i, name] of ['value bca', 'value percentile', 'change bca'].entries()) {
    const [low, high] = found[i]?.interval(0.95) ?? [];
    const [lowest, highest] = expected[name] ?? [0, 0];
    const tolerance = 0.03 * (highest - lowest);
    expect(Math.abs((low ?? 0) - lowest), `${name}: ${low} and ${lowest}`).toBeLessThan(tolerance);
    expect(Math.abs((high ?? 0) - highest), `${name}: ${high} and ${highest}`).toBeLessThan(tolerance);
  }
  expect(found.map(({ method }) => method)).toEqual([
    'bootstrap, BCa, 40,000 resamples',
    'bootstrap, percentiles, 40,000 resamples',
    'paired bootstrap, BCa, 40,000 resamples',
  ]);
});

test('neither the number of threads nor other questions change an estimate', async () => {
  const [a, b] = classifications(3000, 2);
  const questions = ['log_loss', 'f1', 'pr_auc', 'ece'].map((name) => change(name, a, b));
  const ends = (all: Estimate[]) => all.map((estimate) => estimate.interval(0.95));
  const options = { resamples: 400, seed: 3 };
  const alone = ends(await estimates(questions, { ...options, threads: 1 }));
  expect(ends(await estimates(questions, { ...options, threads: 3 }))).toEqual(alone);
  expect(ends(await estimates(questions, { ...options, seed: 4 }))).not.toEqual(alone);
});

test('a change turns its sign when the models change places', async () => {
  const [a, b] = regressions(400, 9, [1, 1.1]);
  const [forth, back] = [await one(change('mae', a, b)), await one(change('mae', b, a))];
  expect(back.value).toBeCloseTo(-forth.value, 12);
  const [low, high] = forth.interval(0.95);
  const [other, another] = back.interval(0.95);
  expect(-another).toBeCloseTo(low, 2);
  expect(-other).toBeCloseTo(high, 2);
  expect(forth.value).toBeGreaterThan(0);
});

test('a relative change is a fraction of the baseline', async () => {
  const [a, b] = regressions(2000, 11, [1, 2]);
  const estimate = await one(change('rmse', a, b, { relative: true } as Partial<Question>));
  expect(estimate.value).toBeCloseTo(0.5, 1);
  expect(estimate.interval(0.95)[0]).toBeGreaterThan(0.4);
});

describe('the method', () => {
  const [a, b] = classifications(200, 1);
  const times = predictions('regression', {
    label: [1],
    latency: Array.from({ length: 100 }, (_, i) => i + 1),
  });
  test.each<[string, Question, string]>([
    ['a share', value('accuracy', a), 'Wilson score interval'],
    ['an area', value('roc_auc', a), 'DeLong'],
    ['a percentile', value('latency_p50', times), 'order statistics'],
    ['a mean', value('log_loss', a), "bootstrap, BCa, 1,000 resamples, no narrower than the jackknife's t"],
    [
      'a function of shares',
      value('f1', a),
      "bootstrap, BCa, 1,000 resamples, no narrower than the jackknife's t",
    ],
    ['a change of shares', change('recall', a, b), 'Tango score interval'],
    [
      'a change of shares of different examples',
      change('precision', a, b),
      "paired bootstrap, BCa, 1,000 resamples, no narrower than the jackknife's t",
    ],
    ['a change of areas', change('roc_auc', a, b), 'DeLong, paired'],
  ])('of %s is chosen by what it is', async (_, question, method) => {
    expect((await one(question, { resamples: 1000 })).method).toBe(method);
  });
});

test('a percentile lies between the order statistics that the binomial distribution says', async () => {
  const latency = Array.from({ length: 100 }, (_, i) => i + 1);
  const estimate = await one(value('latency_p50', predictions('regression', { label: [1], latency })));
  // 95 % for the median of 100: the 40th and the 61st (Conover, table A3 and binomial tables).
  expect(estimate.interval(0.95)).toEqual([40, 61]);
});

describe('where nothing varies', () => {
  const perfect = predictions('binary', { label: [0, 1, 1, 0, 1], prediction: [0, 1, 1, 0, 1] });

  test('a bounded metric is no surer than a share without failures', async () => {
    const [low, high] = (await one(value('f1', perfect), { resamples: 500 })).interval(0.95);
    // 1 - z² / (5 + z²)
    expect([low, high]).toEqual([expect.closeTo(0.56552, 4), 1]);
  });

  test('an unbounded one has no interval', async () => {
    const exact = predictions('regression', { label: [1, 2, 3], prediction: [1, 2, 3] });
    const estimate = await one(value('rmse', exact), { resamples: 100 });
    expect(estimate.interval(0.95)).toEqual([Number.NaN, Number.NaN]);
    expect(estimate.method).toBe('nothing varies among the examples, which says nothing of others');
  });
});

test('a metric that many resamples do not have says so', async () => {
  const rare = predictions('binary', { label: [1, 0, 0, 0, 0, 0], score: [0.9, 0.2, 0.4, 0.95, 0.1, 0.3] });
  const estimate = await one(value('pr_auc', rare), { resamples: 300 });
  expect(estimate.method).toMatch(/^not defined on \d\d % of the resamples: too few examples/);
});

describe('by simulation', () => {
  const rounds = 400;
  const margin = 3 * Math.sqrt((0.95 * 0.05) / rounds);
  const errorMargin = 3 * Math.sqrt((0.025 * 0.975) / rounds);

  test.each([200, 2000])(
    'intervals of %i examples cover the truth, and the same model does not fail',
    async (size) => {
      const counts = await simulate({ size, rounds, resamples: 600 });
      for (const [name, { covered, same, worse }] of Object.entries(counts)) {
        expect(covered / rounds, `${name} is covered`).toBeGreaterThan(0.95 - margin);
        expect(same / rounds, `no change of ${name} is covered`).toBeGreaterThan(0.95 - margin);
        expect(worse / rounds, `the same ${name} fails`).toBeLessThan(0.025 + errorMargin);
      }
    },
    300_000,
  );

  test('errors with heavy tails are covered, where the bootstrap alone would be too sure', async () => {
    const uniform = random(31);
    // Student's t of 5 degrees of freedom.
    const error = () =>
      normal(uniform) / Math.sqrt([1, 2, 3, 4, 5].reduce((sum) => sum + normal(uniform) ** 2 / 5, 0));
    const label = new Array(200).fill(0);
    const model = () => predictions('regression', { label, prediction: label.map(error) });
    let covered = 0;
    for (let round = 0; round < rounds; round++) {
      const question = change('rmse', model(), model());
      const [low, high] = (await one(question, { resamples: 600, seed: round, threads: 1 })).interval(0.95);
      covered += Number(low <= 0 && 0 <= high);
    }
    expect(covered / rounds).toBeGreaterThan(0.95 - margin);
  });
});

test('resamples of ranks, cells and sums have the mean and spread that the examples have', async () => {
  const [a] = classifications(300, 21);
  const found = await estimates(
    ['roc_auc', 'pr_auc', 'ece', 'log_loss', 'accuracy', 'f1'].map((name) =>
      value(name, a, 'bootstrap-percentile'),
    ),
    { resamples: 4000 },
  );
  const expected = await science<[number, number][]>(
    `from sklearn import metrics as m
y, s = map(np.array, given)
rng = np.random.default_rng(0)
def ece(y, s):
    bins = np.minimum(14, (s * 15).astype(int))
    return sum(abs((s - y)[bins == b].sum()) for b in range(15)) / len(y)
of = [m.roc_auc_score, m.average_precision_score, ece, m.log_loss, lambda y, s: m.accuracy_score(y, s >= .5), lambda y, s: m.f1_score(y, s >= .5)]
draws = [rng.integers(0, len(y), len(y)) for _ in range(1000)]
answer([np.quantile([f(y[d], s[d]) for d in draws], [.025, .975]) for f in of])`,
    [[...a.label], [...(a.score ?? [])]],
  );
  for (const [i, estimate] of found.entries()) {
    const [low, high] = estimate.interval(0.95);
    const [lowest, highest] = expected[i] ?? [0, 0];
    expect(Math.abs(low - lowest), `${i}: ${low} and ${lowest}`).toBeLessThan(0.12 * (highest - lowest));
    expect(Math.abs(high - highest), `${i}: ${high} and ${highest}`).toBeLessThan(0.12 * (highest - lowest));
  }
});
