import { binomialCdf } from './distributions.ts';
import { type Estimate, withoutNoise } from './estimate.ts';
import { countBefore, quantileOf } from './order.ts';
import type { Quantile } from './statistic.ts';

/**
 * A quantile between order statistics, without any assumption: how many values lie below it is binomial (David and
 * Nagaraja, 2003, Order Statistics, 7.1).
 */
export function quantileEstimate({ values, at }: Quantile, range: readonly [number, number]): Estimate {
  const sorted = Float64Array.from(values).sort();
  const size = sorted.length;
  if (size === 0) return withoutNoise(Number.NaN, 0, 'there are no examples');
  /** The first number of values for which the binomial distribution is beyond. */
  const first = (beyond: (share: number) => boolean) => {
    let [low, high] = [0, size];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (beyond(binomialCdf(middle, size, at))) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  const upTo = (bound: number) => countBefore(sorted, (value) => value > bound);
  const below = (bound: number) => countBefore(sorted, (value) => value >= bound);
  return {
    ...{ value: quantileOf(sorted, at), size, method: 'order statistics' },
    pBelow: (bound) => 1 - binomialCdf(below(bound) - 1, size, at),
    pAbove: (bound) => binomialCdf(upTo(bound), size, at),
    interval(confidence) {
      const tail = (1 - confidence) / 2;
      const low = first((share) => share > tail);
      const high = first((share) => share >= 1 - tail);
      return [
        low === 0 ? range[0] : (sorted[low - 1] as number),
        high >= size ? range[1] : (sorted[high] as number),
      ];
    },
  };
}
