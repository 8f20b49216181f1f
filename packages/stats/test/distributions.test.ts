import { expect, test } from 'vitest';
import { binomialCdf, normalCdf, normalQuantile, tCdf, tQuantile } from '../src/distributions.ts';
import { science } from './science.ts';

const given = {
  normal: [-37, -8.3, -3.5, -2.5, -1, -1e-9, 0, 0.3, 1.959963984540054, 3.6, 6],
  normalQuantile: [1e-300, 1e-12, 0.001, 0.025, 0.3, 0.5, 0.8, 0.975, 0.999999],
  t: [-700, -12.7, -2.5, -0.01, 0, 0.4, 3, 40].flatMap((t) =>
    [1, 2.7, 4, 30, 1e5].map((v) => [t, v] as const),
  ),
  tQuantile: [1e-6, 0.005, 0.025, 0.4, 0.9, 0.995].flatMap((p) =>
    [1, 2.7, 4, 30, 1e5].map((v) => [p, v] as const),
  ),
  binomial: [
    [0, 5, 0.5],
    [3, 5, 0.1],
    [11, 24, 0.5],
    [170, 200, 0.9],
    [949_500, 1_000_000, 0.95],
    [480_000, 1_000_000, 0.5],
    [500_100, 1_000_000, 0.5],
    [2, 100_000, 0.001],
  ] as const,
};

test('distributions and their quantiles are those of SciPy', async () => {
  const expected = await science<Record<keyof typeof given, number[]>>(
    `from scipy import stats
answer(dict(normal=[stats.norm.cdf(z) for z in given['normal']], normalQuantile=[stats.norm.ppf(p) for p in given['normalQuantile']],
    t=[stats.t.cdf(*one) for one in given['t']], tQuantile=[stats.t.ppf(*one) for one in given['tQuantile']],
    binomial=[stats.binom.cdf(*one) for one in given['binomial']]))`,
    given,
  );
  const found: Record<keyof typeof given, number[]> = {
    normal: given.normal.map(normalCdf),
    normalQuantile: given.normalQuantile.map(normalQuantile),
    t: given.t.map(([t, freedom]) => tCdf(t, freedom)),
    tQuantile: given.tQuantile.map(([p, freedom]) => tQuantile(p, freedom)),
    binomial: given.binomial.map(([k, n, p]) => binomialCdf(k, n, p)),
  };
  for (const name of Object.keys(given) as (keyof typeof given)[])
    for (const [i, right] of expected[name].entries()) {
      const off = Math.abs((found[name][i] as number) - right);
      expect(off, `${name} of ${given[name][i]}: ${found[name][i]} and ${right}`).toBeLessThanOrEqual(
        Math.abs(right) * 2e-12 + 1e-17,
      );
    }
});
