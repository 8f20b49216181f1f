import {
  type Auc,
  aucChangeEstimate,
  aucEstimate,
  type Estimate,
  examplesNeeded,
  holm,
  independentSamples,
  mcnemar,
  pairedProportionEstimate,
  proportionEstimate,
  rateDifference,
  sampleEstimate,
} from '@mlops/stats';
import { normal, random } from '@mlops/testkit/random';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { science } from './science.ts';

const close = (found: ArrayLike<number>, expected: ArrayLike<number | null>, digits = 9) =>
  Array.from(found, (one, i) => expect(one).toBeCloseTo(expected[i] as number, digits));

describe('shares', () => {
  const shares = [
    [0, 5],
    [5, 5],
    [180, 200],
    [1, 3],
    [7000, 10_000],
  ] as const;

  test('have the intervals that SciPy gives', async () => {
    const expected = await science<[number, number][]>(
      `from scipy.stats import binomtest
answer([binomtest(k, n).proportion_ci(method='wilson') for k, n in given])`,
      shares,
    );
    for (const [i, [successes, size]] of shares.entries())
      close(proportionEstimate(successes, size).interval(0.95), expected[i] ?? []);
  });

  test('of pairs have intervals where the restricted likelihood says so', async () => {
    const pairs = [
      [142, 0, 0],
      [200, 7, 3],
      [200, 0, 4],
      [50, 1, 0],
      [1000, 60, 20],
    ] as const;
    // The score test with the variance at the likeliest shares under the bound, found by search; an example's eighth
    // nearer to the bound.
    const expected = await science<[number, number][]>(
      `from scipy.optimize import brentq, minimize_scalar
from scipy.stats import norm
def score(n, b, c, bound):
    def loss(q):
        total = 0
        for count, p in ((b, q + bound), (c, q), (n - b - c, 1 - 2 * q - bound)):
            if count: total -= count * math.log(max(p, 1e-300))
        return total
    q = minimize_scalar(loss, bounds=(max(0, -bound), (1 - bound) / 2), method='bounded', options=dict(xatol=1e-13)).x
    distance = b - c - n * bound
    return math.copysign(max(0, abs(distance) - 1 / 8), distance) / math.sqrt(n * (2 * q + bound - bound ** 2))
z = norm.ppf(0.975)
def interval(n, b, c):
    d = (b - c) / n
    return brentq(lambda t: score(n, b, c, t) - z, -0.9999, d - 1e-9), brentq(lambda t: score(n, b, c, t) + z, d + 1e-9, 0.9999)
answer([interval(*one) for one in given])`,
      pairs,
    );
    for (const [i, [size, gained, lost]] of pairs.entries())
      close(pairedProportionEstimate({ size, gained, lost }).interval(0.95), expected[i] ?? [], 5);
  });

  test('that do not differ leave room for what so few examples cannot show', () => {
    // (n δ - 1/8)² = z² n δ (1 - δ) with z = 1.959964
    const [low, high] = pairedProportionEstimate({ size: 142, gained: 0, lost: 0 }).interval(0.95);
    expect([low, high]).toEqual([expect.closeTo(-0.028027, 6), expect.closeTo(0.028027, 6)]);
  });

  test('of identical models differ by mistake in no more than 2.5 % of cases, whatever share of examples differs', async () => {
    // How many may be gained, of those that differ, where the candidate is found to be worse.
    const fails = (size: number) =>
      Array.from({ length: size + 1 }, (_, differing) => {
        let [low, high] = [-1, Math.floor(differing / 2)];
        while (low < high) {
          const gained = Math.ceil((low + high) / 2);
          const estimate = pairedProportionEstimate({ size, gained, lost: differing - gained });
          if (estimate.pBelow(0) < 0.025) low = gained;
          else high = gained - 1;
        }
        return low;
      });
    const sizes = [50, 200, 2000];
    const rates = await science<number[][]>(
      `from scipy.stats import binom
answer([[float((binom.pmf(np.arange(len(most)), len(most) - 1, share) * np.where(np.array(most) >= 0, binom.cdf(most, np.arange(len(most)), 0.5), 0)).sum())
    for share in np.linspace(0.005, 0.5, 100)] for most in given])`,
      sizes.map(fails),
    );
    for (const [i, rate] of rates.entries()) {
      expect(Math.max(...rate)).toBeLessThanOrEqual(0.025);
      if (sizes[i] !== 50) expect(Math.max(...rate)).toBeGreaterThan(0.024);
    }
  });

  test('are compared by the exact test when few examples differ', async () => {
    const expected = await science<number[]>(
      `from scipy.stats import binomtest, chi2
answer([binomtest(b, b + c).pvalue if b + c < 25 else chi2.sf((b - c) ** 2 / (b + c), 1) for b, c in given])`,
      [
        [7, 3],
        [1, 12],
        [40, 20],
        [1, 0],
      ],
    );
    close(
      [mcnemar(7, 3).pValue, mcnemar(1, 12).pValue, mcnemar(40, 20).pValue, mcnemar(1, 0).pValue],
      expected,
    );
    expect(mcnemar(0, 0).pValue).toBe(1);
  });

  test('of two groups differ as Newcombe published it', () => {
    // Newcombe (1998), table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/20.
    const published = [
      [56, 70, 48, 80, 0.0524, 0.3339],
      [9, 10, 3, 10, 0.1705, 0.809],
      [10, 10, 0, 20, 0.6791, 1],
    ] as const;
    for (const [a, m, b, n, low, high] of published)
      close(
        rateDifference({ successes: a, size: m }, { successes: b, size: n }).interval(0.95),
        [low, high],
        4,
      );
  });
});

describe('areas under the curve', () => {
  const uniform = random(7);
  const curve = (size: number, noise: number): Auc => {
    const positive = Uint8Array.from({ length: size }, (_, i) => Number(i % 3 === 0));
    const score = Float64Array.from(positive, (one) => Math.round((one + noise * normal(uniform)) * 20) / 20);
    return { kind: 'auc', score, positive, weight: undefined };
  };
  const pairs = [curve(60, 1), curve(60, 1.5)] as const;

  test('have the variance that all pairs of examples give', async () => {
    const expected = await science<{ value: number; error: number; change: number; changeError: number }>(
      `y = np.array(given['positive']) == 1
def parts(s):
    s = np.array(s); pairs = (s[y][:, None] > s[~y][None]) + 0.5 * (s[y][:, None] == s[~y][None])
    return pairs.mean(), pairs.mean(axis=1), pairs.mean(axis=0)
(a, a1, a0), (b, b1, b0) = parts(given['scores'][0]), parts(given['scores'][1])
error = lambda one, zero: math.sqrt(one.var(ddof=1) / len(one) + zero.var(ddof=1) / len(zero))
answer(dict(value=a, error=error(a1, a0), change=a - b, changeError=error(a1 - b1, a0 - b0)))`,
      { positive: [...pairs[0].positive], scores: pairs.map(({ score }) => [...score]) },
    );
    const z = 1.959963984540054;
    const change = aucChangeEstimate(...pairs);
    close([change.value], [expected.change]);
    close(change.interval(0.95), [
      expected.change - z * expected.changeError,
      expected.change + z * expected.changeError,
    ]);
    const { value } = expected;
    const reach = (z * expected.error) / (value * (1 - value));
    const logistic = (x: number) => 1 / (1 + Math.exp(-x));
    const logit = Math.log(value / (1 - value));
    close(aucEstimate(pairs[0]).interval(0.95), [logistic(logit - reach), logistic(logit + reach)]);
  });

  test('without a wrong pair say no more than their smaller class can', () => {
    const perfect: Auc = {
      ...{ kind: 'auc', weight: undefined },
      score: Float64Array.from([1, 2, 3, 4, 5]),
      positive: Uint8Array.from([0, 0, 0, 1, 1]),
    };
    const [low, high] = aucEstimate(perfect).interval(0.95);
    // Wilson's bound of 2 of 2: 2 / (2 + z²)
    expect([low, high]).toEqual([expect.closeTo(0.34238, 6), 1]);
    expect(aucChangeEstimate(perfect, perfect).interval(0.95)[0]).toBeLessThan(-0.5);
  });
});

describe('seeds and folds', () => {
  const a = [0.91, 0.93, 0.9, 0.94, 0.92];
  const b = [0.9, 0.9, 0.91, 0.92, 0.9];

  test('have the intervals of Student, Welch and Wilcoxon that SciPy gives', async () => {
    const ranks = [1.1, 2.3, -0.4, 3.1, 0.7, 1.9, 2.2, 5.3];
    const expected = await science<{ t: number[]; welch: number[]; p: number; wilcoxon: number }>(
      `from scipy import stats
a, b, ranks = map(np.array, given)
answer(dict(t=list(stats.ttest_1samp(a - b, 0).confidence_interval()), welch=list(stats.ttest_ind(a, b, equal_var=False).confidence_interval()),
    p=stats.ttest_1samp(a - b, 0).pvalue, wilcoxon=stats.wilcoxon(ranks).pvalue))`,
      [a, b, ranks],
    );
    const paired = sampleEstimate(
      a.map((one, i) => one - (b[i] as number)),
      { paired: true },
    );
    close(paired.interval(0.95), expected.t);
    close([paired.test?.pValue ?? Number.NaN], [expected.p]);
    expect(paired.method).toBe('paired t over 5 seeds');
    close(independentSamples(a, b).interval(0.95), expected.welch);
    close([sampleEstimate(ranks, { method: 'wilcoxon' }).test?.pValue ?? Number.NaN], [expected.wilcoxon]);
  });

  test('with an outlier are ranked', () => {
    expect(sampleEstimate([1, 1.1, 0.9, 1.05, 0.95, 40]).method).toBe('Wilcoxon signed ranks over 6 seeds');
    expect(sampleEstimate([1, 1.1, 0.9, 1.05, 0.95]).method).toBe('t over 5 seeds');
    // With 6 values the only interval of at least 95 % is from the least to the greatest.
    expect(sampleEstimate([1, 1.1, 0.9, 1.05, 0.95, 40]).interval(0.95)).toEqual([0.9, 40]);
  });

  test('that do not differ tell no noise', () => {
    expect(sampleEstimate([0.9, 0.9, 0.9])).toMatchObject({ value: 0.9, method: 'the seeds do not differ' });
    expect(sampleEstimate([0.9, 0.9, 0.9]).interval(0.95)).toEqual([Number.NaN, Number.NaN]);
  });
});

describe('every estimate', () => {
  const shares = fc
    .record({ size: fc.integer({ min: 2, max: 500 }), part: fc.double({ min: 0, max: 1, noNaN: true }) })
    .map(({ size, part }) => proportionEstimate(Math.round(size * part), size));
  const changes = fc
    .tuple(fc.nat(200), fc.nat(30), fc.nat(30))
    .map(([same, gained, lost]) =>
      pairedProportionEstimate({ size: same + gained + lost + 1, gained, lost }),
    );
  const means = fc
    .array(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 12 })
    .filter((values) => new Set(values).size > 1)
    .map((values) => sampleEstimate(values));
  const estimates: fc.Arbitrary<Estimate> = fc.oneof(shares, changes, means);

  test('holds its value, and is wider at a higher confidence', () => {
    fc.assert(
      fc.property(estimates, (estimate) => {
        const [low, high] = estimate.interval(0.9);
        const [lower, higher] = estimate.interval(0.99);
        expect(low).toBeLessThanOrEqual(estimate.value);
        expect(high).toBeGreaterThanOrEqual(estimate.value);
        expect(lower).toBeLessThanOrEqual(low);
        expect(higher).toBeGreaterThanOrEqual(high);
      }),
    );
  });

  test('rejects a bound exactly when its interval ends before it', () => {
    fc.assert(
      fc.property(estimates, fc.double({ min: -1, max: 1, noNaN: true }), (estimate, bound) => {
        const [low, high] = estimate.interval(0.95);
        fc.pre(Math.abs(bound - low) > 1e-9 && Math.abs(bound - high) > 1e-9);
        expect(estimate.pBelow(bound) <= 0.025).toBe(high < bound);
        expect(estimate.pAbove(bound) <= 0.025).toBe(low > bound);
      }),
    );
  });

  test('turns its sign when candidate and baseline change places', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(30), fc.nat(30), (same, gained, lost) => {
        const size = same + gained + lost + 1;
        const [low, high] = pairedProportionEstimate({ size, gained, lost }).interval(0.95);
        const [other, another] = pairedProportionEstimate({ size, gained: lost, lost: gained }).interval(
          0.95,
        );
        close([low, high], [-another, -other]);
      }),
    );
  });
});

test('the examples that would have decided are as many as shrink the interval to the bound', () => {
  const estimate = proportionEstimate(180, 200);
  const needed = examplesNeeded(estimate, 0.89, 0.95) ?? 0;
  expect(needed).toBeGreaterThan(200);
  expect(proportionEstimate(0.9 * needed, needed).interval(0.95)[0]).toBeCloseTo(0.89, 2);
  expect(examplesNeeded(estimate, 0.9, 0.95)).toBeUndefined();
});

test('several tests are corrected as Holm has it', () => {
  // Sorted 0.01, 0.02, 0.03, 0.5: times 4, 3, 2 and 1, never falling.
  close(holm([0.02, 0.5, 0.01, 0.03]), [0.06, 0.5, 0.04, 0.06]);
  expect(holm([])).toEqual([]);
});
