import { normalCdf, normalQuantile, tCdf, tQuantile } from '../distributions.ts';
import { type Estimate, together, within, withoutNoise, withoutVariation } from '../estimate.ts';
import { countBefore, quantileOf } from '../order.ts';
import { studentT } from '../samples.ts';

/** What the bootstrap is told of one value. */
export interface Bootstrapped {
  /** On the examples as they are. */
  value: number;
  /** On each resample. */
  replicates: Float64Array;
  /** Without each example, or each group of them; undefined for a percentile interval. */
  jackknife: Float64Array | undefined;
  /** Whether the interval is expanded, and no narrower than what the jackknife says by itself. */
  noNarrower: boolean;
  size: number;
  /** Examples of each stratum, one after the other. */
  strata: readonly number[];
  /** Such as `paired bootstrap`. */
  name: string;
  /** For where nothing varies. */
  range: readonly [number, number];
  smallest: number;
  width: number;
}

/** More resamples than this on which a metric is not defined, and it is not estimated. */
const mostUndefined = 0.01;

/**
 * An estimate whose interval is of the bootstrap (Efron, 1979): bias-corrected and accelerated (BCa; Efron, 1987), or
 * percentiles where there is no acceleration.
 *
 * Both are too sure of few examples, and more so of errors with heavy tails, where 95 % can be 90 %. With `noNarrower`
 * the interval is expanded, and reaches as far as Student's t of the jackknife (Efron and Tibshirani, 1993, section 11.5)
 * does.
 */
export function bootstrapEstimate({
  value,
  jackknife,
  size,
  strata,
  name,
  replicates,
  noNarrower,
  ...bounds
}: Bootstrapped): Estimate {
  const sorted = replicates.filter(Number.isFinite).sort();
  const undefinedShare = 1 - sorted.length / replicates.length;
  if (!Number.isFinite(value))
    return withoutNoise(value, size, 'the metric is not defined on these examples');
  if (undefinedShare > mostUndefined)
    return withoutNoise(
      value,
      size,
      `not defined on ${Math.round(undefinedShare * 100)} % of the resamples: too few examples of some class`,
    );
  if (sorted[0] === sorted.at(-1)) return withoutVariation({ value, size, ...bounds });

  const influences = jackknife && centred(jackknife, strata);
  const corrected = influences && correction(value, sorted, influences);
  const { bias, acceleration } = corrected ?? { bias: 0, acceleration: 0 };
  const { toScore, toShare } = noNarrower ? expanded(size - strata.length) : normal;
  const pAbove = (bound: number) => {
    const distance = normalQuantile(shareBelow(sorted, bound)) - bias;
    return toShare(distance / Math.max(1 + acceleration * distance, 0) - bias);
  };
  const end = (level: number) => {
    const distance = bias + toScore(level);
    return replicateAt(sorted, normalCdf(bias + distance / Math.max(1 - acceleration * distance, 0)));
  };
  const kind = corrected ? 'BCa' : 'percentiles';
  const drawn: Estimate = {
    ...{ value, size, pAbove, pBelow: (bound) => 1 - pAbove(bound) },
    method: `${name}, ${kind}, ${replicates.length.toLocaleString('en')} resamples`,
    interval: (confidence) => [end((1 - confidence) / 2), end((1 + confidence) / 2)],
  };
  if (!noNarrower || !influences) return drawn;
  const method = `${drawn.method}, no narrower than the jackknife's t`;
  return together(drawn, within(bounds.range, ofJackknife(value, size, influences, strata)), method);
}

const normal = { toScore: normalQuantile, toShare: normalCdf };

/**
 * Resamples vary less than samples do, by (n - 1) / n, and their spread is itself known from n examples only: what is
 * normal for many becomes Student's t (the expanded interval of Hesterberg, 2015).
 */
function expanded(freedom: number): typeof normal {
  if (freedom < 1) return normal;
  const factor = Math.sqrt((freedom + 1) / freedom);
  return {
    toScore: (share) => tQuantile(share, freedom) * factor,
    toShare: (score) => tCdf(score / factor, freedom),
  };
}

/** The value with the jackknife's error; what it leaves out is an example of a stratum, or one of several groups. */
function ofJackknife(
  value: number,
  size: number,
  influences: Float64Array,
  strata: readonly number[],
): Estimate {
  const parts = influences.length === size ? strata : [influences.length];
  let [variance, start] = [0, 0];
  for (const length of parts) {
    const squares = influences.subarray(start, start + length).reduce((sum, one) => sum + one ** 2, 0);
    variance += ((length - 1) / length) * squares;
    start += length;
  }
  return studentT(value, Math.sqrt(variance), influences.length - parts.length, size, 'jackknife');
}

/** How far the replicates lie from the value, and how their spread changes with it; undefined where that is not told. */
function correction(
  value: number,
  sorted: Float64Array,
  influences: Float64Array,
): { bias: number; acceleration: number } | undefined {
  let [squares, cubes] = [0, 0];
  for (const one of influences) {
    squares += one ** 2;
    cubes += one ** 3;
  }
  const bias = normalQuantile(countBelow(sorted, value) / sorted.length);
  const acceleration = cubes / (6 * squares ** 1.5);
  return Number.isFinite(bias) && Number.isFinite(acceleration) ? { bias, acceleration } : undefined;
}

/** How much each example raises the value, among those of its stratum; of groups, which mix strata, among all. */
function centred(jackknife: Float64Array, strata: readonly number[]): Float64Array {
  const size = strata.reduce((sum, one) => sum + one, 0);
  const influences = new Float64Array(jackknife.length);
  let start = 0;
  for (const length of jackknife.length === size ? strata : [jackknife.length]) {
    const own = jackknife.subarray(start, start + length);
    const mean = own.reduce((sum, one) => sum + one / length, 0);
    influences.set(
      own.map((one) => mean - one),
      start,
    );
    start += length;
  }
  return influences;
}

/**
 * The replicate below which the share of what further resamples would give lies: of R, the (R + 1)·share-th (Davison and
 * Hinkley, 1997, section 5.2.1). The quantile of the R themselves would be too far inside.
 */
function replicateAt(sorted: Float64Array, share: number): number {
  const position = Math.min(Math.max((sorted.length + 1) * share - 1, 0), sorted.length - 1);
  return quantileOf(sorted, position / Math.max(sorted.length - 1, 1));
}

/** The share that `replicateAt` finds the bound at; half a place beyond the last where it lies outside. */
function shareBelow(sorted: Float64Array, bound: number): number {
  const first = countBefore(sorted, (value) => value >= bound);
  const next = countBefore(sorted, (value) => value > bound);
  const [low, high] = [sorted[first - 1], sorted[first]];
  const position =
    next > first || low === undefined || high === undefined
      ? (first + next - 1) / 2
      : first - 1 + (bound - low) / (high - low);
  return (Math.min(Math.max(position, -0.5), sorted.length - 0.5) + 1) / (sorted.length + 1);
}

/** Values below a bound, and half of those on it. */
function countBelow(sorted: Float64Array, bound: number): number {
  return (countBefore(sorted, (value) => value >= bound) + countBefore(sorted, (value) => value > bound)) / 2;
}
