import { normalCdf, normalQuantile } from '../distributions.ts';
import { type Estimate, withoutNoise, withoutVariation } from '../estimate.ts';
import { countBefore, quantileOf } from '../order.ts';

/** What the bootstrap is told of one value. */
export interface Bootstrapped {
  /** On the examples as they are. */
  value: number;
  /** On each resample. */
  replicates: Float64Array;
  /** Without each example, or each group of them; undefined for a percentile interval. */
  jackknife: Float64Array | undefined;
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
 */
export function bootstrapEstimate({
  value,
  jackknife,
  size,
  strata,
  name,
  replicates,
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

  const corrected = jackknife && correction(value, sorted, centred(jackknife, strata));
  const { bias, acceleration } = corrected ?? { bias: 0, acceleration: 0 };
  const shareBelow = (bound: number) => (countBelow(sorted, bound) + 0.5) / (sorted.length + 1);
  const pAbove = (bound: number) => {
    const distance = normalQuantile(shareBelow(bound)) - bias;
    return normalCdf(distance / Math.max(1 + acceleration * distance, 0) - bias);
  };
  const end = (level: number) => {
    const distance = bias + normalQuantile(level);
    return quantileOf(sorted, normalCdf(bias + distance / Math.max(1 - acceleration * distance, 0)));
  };
  const kind = corrected ? 'BCa' : 'percentiles';
  return {
    ...{ value, size, pAbove, pBelow: (bound) => 1 - pAbove(bound) },
    method: `${name}, ${kind}, ${replicates.length.toLocaleString('en')} resamples`,
    interval: (confidence) => [end((1 - confidence) / 2), end((1 + confidence) / 2)],
  };
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

/** Values below a bound, and half of those on it. */
function countBelow(sorted: Float64Array, bound: number): number {
  return (countBefore(sorted, (value) => value >= bound) + countBefore(sorted, (value) => value > bound)) / 2;
}
