import { normalCdf, normalQuantile } from '../distributions.ts';
import { type Estimate, withoutNoise } from '../estimate.ts';

/** What the bootstrap is told of one value. */
export interface Bootstrapped {
  /** On the examples as they are. */
  value: number;
  /** On each resample. */
  replicates: Float64Array;
  /** Without each example, or each group of them; undefined for a percentile interval. */
  jackknife: Float64Array | undefined;
  size: number;
  range: readonly [number, number];
  /** Such as `paired bootstrap`. */
  name: string;
  /** Examples of the smallest class: where nothing varies, no more than these can be known. */
  smallest: number;
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
  range,
  name,
  smallest,
  ...drawn
}: Bootstrapped): Estimate {
  const sorted = drawn.replicates.filter(Number.isFinite).sort();
  const undefinedShare = 1 - sorted.length / drawn.replicates.length;
  if (!Number.isFinite(value))
    return withoutNoise(value, size, 'the metric is not defined on these examples');
  if (undefinedShare > mostUndefined)
    return withoutNoise(
      value,
      size,
      `not defined on ${Math.round(undefinedShare * 100)} % of the resamples: too few examples of some class`,
    );
  if (sorted[0] === sorted.at(-1)) return withoutVariation(value, size, range, smallest);

  const { bias, acceleration } = correction(value, sorted, jackknife);
  const shareBelow = (bound: number) => (countBelow(sorted, bound) + 0.5) / (sorted.length + 1);
  const pAbove = (bound: number) => {
    const distance = normalQuantile(shareBelow(bound)) - bias;
    return normalCdf(distance / (1 + acceleration * distance) - bias);
  };
  const end = (level: number) => {
    const z = bias + normalQuantile(level);
    return quantileOf(sorted, normalCdf(bias + z / (1 - acceleration * z)));
  };
  return {
    ...{ value, size, pAbove, pBelow: (bound) => 1 - pAbove(bound) },
    method: `${name}, ${jackknife ? 'BCa' : 'percentiles'}, ${drawn.replicates.length.toLocaleString('en')} resamples`,
    interval: (confidence) => [end((1 - confidence) / 2), end((1 + confidence) / 2)],
  };
}

/** How far the replicates lie from the value, and how their spread changes with it. */
function correction(value: number, sorted: Float64Array, jackknife: Float64Array | undefined) {
  const none = { bias: 0, acceleration: 0 };
  if (!jackknife) return none;
  const mean = jackknife.reduce((sum, one) => sum + one / jackknife.length, 0);
  let [squares, cubes] = [0, 0];
  for (const one of jackknife) {
    squares += (mean - one) ** 2;
    cubes += (mean - one) ** 3;
  }
  const bias = normalQuantile(countBelow(sorted, value) / sorted.length);
  const acceleration = cubes / (6 * squares ** 1.5);
  return Number.isFinite(bias) && Number.isFinite(acceleration) ? { bias, acceleration } : none;
}

/** Values below a bound, and half of those on it. */
function countBelow(sorted: Float64Array, bound: number): number {
  const first = (beyond: (value: number) => boolean) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (beyond(sorted[middle] as number)) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return (first((value) => value >= bound) + first((value) => value > bound)) / 2;
}

function quantileOf(sorted: Float64Array, level: number): number {
  const position = level * (sorted.length - 1);
  const below = Math.floor(position);
  const [low, high] = [sorted[below] as number, sorted[Math.min(below + 1, sorted.length - 1)] as number];
  return low + (high - low) * (position - below);
}

/**
 * Where no resample differs, as without any error, the bootstrap sees no noise. A share without a failure among as many
 * examples may still be off by z² / (n + z²), the end of Wilson's interval; so may a bounded metric, of its range.
 */
function withoutVariation(
  value: number,
  size: number,
  range: readonly [number, number],
  smallest: number,
): Estimate {
  const [lowest, highest] = range;
  const width = highest - lowest;
  if (!Number.isFinite(width))
    return withoutNoise(value, size, 'no resample differs, which says nothing of other examples');
  const reach = (z: number) => (width * z ** 2) / (smallest + z ** 2);
  const tail = (distance: number) => {
    const share = Math.min(1, Math.abs(distance) / width);
    return share >= 1 ? 0 : normalCdf(-Math.sqrt((smallest * share) / (1 - share)));
  };
  return {
    ...{ value, size, method: "no resample differs: reach of Wilson's interval without failures" },
    interval(confidence) {
      const z = normalQuantile((1 + confidence) / 2);
      return [Math.max(lowest, value - reach(z)), Math.min(highest, value + reach(z))];
    },
    pBelow: (bound) => (bound >= value ? tail(bound - value) : 1 - tail(bound - value)),
    pAbove: (bound) => (bound <= value ? tail(bound - value) : 1 - tail(bound - value)),
  };
}
