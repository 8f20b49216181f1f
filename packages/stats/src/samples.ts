import { tCdf, tQuantile } from './distributions.ts';
import { type Estimate, withoutNoise } from './estimate.ts';

export type SampleMethod = 'auto' | 't' | 'wilcoxon';

const everywhere = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const;

/** What a metric was repeated over. The folds of a cross-validation share most of what they are trained on. */
export type Repeats = 'seeds' | 'folds';

/**
 * The mean of a metric over seeds or folds: Student's t, or the signed ranks of Wilcoxon (1945) with the estimate of
 * Hodges and Lehmann (1963) where there is an outlier among seeds. Folds are no independent samples, so their variance
 * is corrected as Nadeau and Bengio (2003) do.
 */
export function sampleEstimate(
  values: readonly number[],
  {
    method = 'auto',
    what = 'seeds',
    paired = false,
  }: { method?: SampleMethod; what?: Repeats; paired?: boolean } = {},
): Estimate {
  const size = values.length;
  if (size < 2) return withoutNoise(values[0] ?? Number.NaN, size, `one of the ${what} has no spread`);
  const mean = meanOf(values);
  const error = Math.sqrt(varianceOf(values, mean) * shareOfVariance(size, what));
  if (error === 0) return withoutNoise(mean, size, `the ${what} do not differ`);
  const of = `over ${size} ${what}`;
  if (
    method === 'wilcoxon' ||
    (method === 'auto' && what === 'seeds' && size >= fewestRanks && hasOutlier(values))
  )
    return signedRanks(values, `Wilcoxon signed ranks ${of}`);
  const t = `${what === 'folds' ? 'corrected ' : ''}${paired ? 'paired t' : 't'}`;
  return studentT(mean, error, size - 1, size, `${t} ${of}`);
}

/** What of the values' variance is left in their mean; each of k folds is tested on 1 / (k - 1) of its training set. */
function shareOfVariance(size: number, what: Repeats): number {
  return 1 / size + (what === 'folds' ? 1 / (size - 1) : 0);
}

/** With fewer, signed ranks cannot reach 95 %. */
const fewestRanks = 6;

/** The difference of two means over seeds or folds that have nothing to do with each other: Welch (1947). */
export function independentSamples(
  a: readonly number[],
  b: readonly number[],
  what: Repeats = 'seeds',
): Estimate {
  const size = a.length + b.length;
  const [meanA, meanB] = [meanOf(a), meanOf(b)];
  if (a.length < 2 || b.length < 2)
    return withoutNoise(meanA - meanB, size, `one of the ${what} has no spread`);
  const [partA, partB] = [
    varianceOf(a, meanA) * shareOfVariance(a.length, what),
    varianceOf(b, meanB) * shareOfVariance(b.length, what),
  ];
  const variance = partA + partB;
  if (variance === 0) return withoutNoise(meanA - meanB, size, `the ${what} do not differ`);
  const freedom = variance ** 2 / (partA ** 2 / (a.length - 1) + partB ** 2 / (b.length - 1));
  return studentT(
    meanA - meanB,
    Math.sqrt(variance),
    freedom,
    size,
    `${what === 'folds' ? 'corrected ' : ''}Welch's t over ${a.length} and ${b.length} ${what}`,
  );
}

/** A value with a normal error that was itself estimated (Student, 1908). */
export function studentT(
  value: number,
  error: number,
  freedom: number,
  size: number,
  method: string,
): Estimate {
  return {
    ...{ value, size, method },
    pBelow: (bound) => tCdf((value - bound) / error, freedom),
    pAbove: (bound) => tCdf((bound - value) / error, freedom),
    interval(confidence) {
      const reach = tQuantile((1 + confidence) / 2, freedom) * error;
      return [value - reach, value + reach];
    },
    test: { name: 't', pValue: 2 * tCdf(-Math.abs(value / error), freedom) },
  };
}

function signedRanks(values: readonly number[], method: string): Estimate {
  const size = values.length;
  const averages: number[] = [];
  for (let i = 0; i < size; i++)
    for (let j = i; j < size; j++) averages.push(((values[i] as number) + (values[j] as number)) / 2);
  averages.sort((a, b) => a - b);
  const most = averages.length;
  const cdf = rankSumCdf(size);
  // Walsh averages above a bound are the rank sum of what lies above it; one on the bound counts half.
  const above = (bound: number) =>
    averages.reduce((sum, one) => sum + (one > bound ? 1 : one === bound ? 0.5 : 0), 0);
  const middle = most / 2;
  return {
    ...{ size, method },
    value: ((averages[Math.floor(middle)] as number) + (averages[Math.ceil(middle) - 1] as number)) / 2,
    pBelow: (bound) => cdf(Math.ceil(above(bound))),
    pAbove: (bound) => cdf(Math.ceil(most - above(bound))),
    interval(confidence) {
      let k = 0;
      while (k < most && cdf(k) <= (1 - confidence) / 2) k++;
      if (k === 0) return everywhere;
      return [averages[k - 1] as number, averages[most - k] as number];
    },
    test: {
      name: 'Wilcoxon signed ranks',
      pValue: Math.min(1, 2 * cdf(Math.floor(Math.min(above(0), most - above(0))))),
    },
  };
}

/** P(rank sum ≤ w) when either sign is as likely: exact, by how many sets of ranks have each sum. */
function rankSumCdf(size: number): (w: number) => number {
  const most = (size * (size + 1)) / 2;
  const shares = new Float64Array(most + 1);
  shares[0] = 1;
  for (let rank = 1; rank <= size; rank++)
    for (let sum = most; sum >= 0; sum--)
      shares[sum] = ((shares[sum] as number) + (sum >= rank ? (shares[sum - rank] as number) : 0)) / 2;
  const cumulative = shares.slice();
  for (let sum = 1; sum <= most; sum++)
    cumulative[sum] = (cumulative[sum - 1] as number) + (shares[sum] as number);
  return (w) => (w < 0 ? 0 : Math.min(1, cumulative[Math.min(most, Math.floor(w))] as number));
}

/** A value much farther from the median than half of the others: a mean would follow it. */
function hasOutlier(values: readonly number[]): boolean {
  const median = medianOf(values);
  const distances = values.map((value) => Math.abs(value - median));
  return Math.max(...distances) > 6 * medianOf(distances);
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] as number) + (sorted[Math.ceil(middle)] as number)) / 2;
}

function meanOf(values: readonly number[]): number {
  // Around the first, so that equal values have exactly their value as the mean.
  const first = values[0] ?? Number.NaN;
  return first + values.reduce((sum, value) => sum + (value - first), 0) / values.length;
}

function varianceOf(values: readonly number[], mean: number): number {
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
}
