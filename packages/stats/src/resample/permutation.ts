import { type Estimate, withoutVariation } from '../estimate.ts';
import { countBefore } from '../order.ts';
import type { Statistic } from '../statistic.ts';
import { random32 } from './random.ts';
import { isConstant, sumsOf } from './sums.ts';

/**
 * What each example adds to the difference of two metrics that are plain means of the same examples; undefined of other
 * metrics.
 */
export function differencesOf(candidate: Statistic, baseline: Statistic): Float64Array | undefined {
  const [a, b] = [termsOf(candidate), termsOf(baseline)];
  return a && b && a.map((term, i) => term - (b[i] as number));
}

/** The metric of each example alone, where the metric of all is their mean. */
function termsOf(statistic: Statistic): Float64Array | undefined {
  if (statistic.kind !== 'sums' && statistic.kind !== 'proportion') return undefined;
  const { columns, cells, value } = sumsOf(statistic);
  const [terms, weights] = columns;
  if (cells !== 1 || columns.length !== 2 || !terms || !weights || !isConstant(weights)) return undefined;
  const weight = weights[0] as number;
  const mean = (term: number) => value([term * terms.length, weight * terms.length]);
  const [low, high] = [Math.min(...ends(terms)), Math.max(...ends(terms))];
  const straight = (part: number) => {
    const [there, line] = [mean(low + part * (high - low)), mean(low) + part * (mean(high) - mean(low))];
    return Math.abs(there - line) <= 1e-12 * (Math.abs(mean(low)) + Math.abs(mean(high)));
  };
  // A root or a square of the mean is bent.
  return straight(0.25) && straight(0.6) ? terms.map(mean) : undefined;
}

function ends(values: Float64Array): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

interface Flips {
  /** As many signs are drawn at random as this, or all there are where they are fewer. */
  resamples: number;
  seed: number;
  range: readonly [number, number];
  smallest: number;
  width: number;
}

/**
 * A mean difference by the permutation test of Fisher (1935), which gives each difference either sign, and its inversion:
 * the bounds not rejected lie between means of subsets of the differences (Hartigan, 1969, Using subsample values as
 * typical values). It assumes that differences are as likely to be so much above the truth as below.
 */
export function signFlipEstimate(
  differences: Float64Array,
  { resamples, seed, range, ...bounds }: Flips,
): Estimate {
  const size = differences.length;
  const value = differences.reduce((sum, one) => sum + one, 0) / size;
  if (isConstant(differences)) return withoutVariation({ value, size, range, ...bounds });
  const exact = 2 ** size - 1 <= resamples;
  const means = exact ? allMeans(differences) : someMeans(differences, resamples, seed);
  means.sort();
  // All signs kept is one of the cases.
  const share = (count: number) => (count + 1) / (means.length + 1);
  // Sums of the same values in another order differ by this.
  const rounding = 1e-13 * Math.max(...ends(differences).map(Math.abs));
  const pAbove = (bound: number) => share(countBefore(means, (one) => one > bound + rounding));
  const pBelow = (bound: number) =>
    share(means.length - countBefore(means, (one) => one >= bound - rounding));
  return {
    ...{ value, size, pAbove, pBelow },
    method: `sign-flip permutation test, ${exact ? 'exact' : `${resamples.toLocaleString('en')} flips`}`,
    interval(confidence) {
      const rejected = Math.floor(((1 - confidence) / 2) * (means.length + 1) + 1e-9);
      if (rejected === 0) return range;
      return [means[rejected - 1] as number, means[means.length - rejected] as number];
    },
    test: { name: 'permutation', pValue: Math.min(1, 2 * Math.min(pAbove(0), pBelow(0))) },
  };
}

/** The means of all subsets but the empty one. */
function allMeans(values: Float64Array): Float64Array {
  const sums = new Float64Array(2 ** values.length);
  const counts = new Uint8Array(sums.length);
  const means = new Float64Array(sums.length - 1);
  for (let subset = 1; subset < sums.length; subset++) {
    const last = 31 - Math.clz32(subset);
    const rest = subset ^ (1 << last);
    sums[subset] = (sums[rest] as number) + (values[last] as number);
    counts[subset] = (counts[rest] as number) + 1;
    means[subset - 1] = (sums[subset] as number) / (counts[subset] as number);
  }
  return means;
}

/** The means of subsets that hold each value or not, as a coin says. */
function someMeans(values: Float64Array, count: number, seed: number): Float64Array {
  const next = random32(seed);
  return Float64Array.from({ length: count }, () => {
    for (;;) {
      let [sum, held, bits] = [0, 0, 0];
      for (let i = 0; i < values.length; i++) {
        bits = i % 32 === 0 ? next() : bits >>> 1;
        sum += (bits & 1) * (values[i] as number);
        held += bits & 1;
      }
      if (held) return sum / held;
    }
  });
}
