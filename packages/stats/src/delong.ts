import { type Estimate, fromScore } from './estimate.ts';
import { ascending } from './order.ts';
import { pairedProportionEstimate, proportionEstimate } from './proportion.ts';
import type { Auc } from './statistic.ts';

/** Where one of two classes is missing there is no curve. */
export function hasBothClasses({ positive }: Auc): boolean {
  return positive.includes(1) && positive.includes(0);
}

/** The area under the curve with the variance of DeLong, DeLong and Clarke-Pearson (1988), in logits. */
export function aucEstimate(auc: Auc): Estimate {
  const { value, placements, positives, negatives } = placed(auc);
  const error = Math.sqrt(covariance(placements, placements, auc.positive, positives, negatives));
  const size = positives + negatives;
  const smaller = Math.min(positives, negatives);
  // Where no pair is in the wrong order there is no variance to see; a share without failures tells how little that says.
  if (!(error > 0))
    return {
      ...proportionEstimate(value * smaller, smaller),
      size,
      method: 'Wilson score interval, by the smaller class',
    };
  const logit = (p: number) => Math.log(p / (1 - p));
  return fromScore({
    ...{ value, size, method: 'DeLong', range: [0, 1] },
    score: (bound) => ((logit(value) - logit(bound)) * value * (1 - value)) / error,
  });
}

/** The difference of two areas over the same examples, by DeLong's paired variance. */
export function aucChangeEstimate(candidate: Auc, baseline: Auc): Estimate {
  const [a, b] = [placed(candidate), placed(baseline)];
  const { positives, negatives } = a;
  const differences = a.placements.map((placement, i) => placement - (b.placements[i] as number));
  const error = Math.sqrt(covariance(differences, differences, candidate.positive, positives, negatives));
  const value = a.value - b.value;
  const size = positives + negatives;
  if (!(error > 0)) {
    const none = pairedProportionEstimate({ size: Math.min(positives, negatives), gained: 0, lost: 0 });
    return { ...none, value, size, method: 'Tango score interval, by the smaller class', test: undefined };
  }
  return fromScore({
    ...{ value, size, method: 'DeLong, paired', range: [-1, 1] },
    score: (bound) => (value - bound) / error,
  });
}

/** Each example's share of the other class that it is on the right side of. */
function placed({ score, positive }: Auc) {
  const size = score.length;
  const order = ascending(score);
  const positives = positive.reduce((sum, one) => sum + one, 0);
  const negatives = size - positives;
  const placements = new Float64Array(size);
  let [positivesBelow, negativesBelow, sum] = [0, 0, 0];
  for (let from = 0; from < size; ) {
    const tied = score[order[from] as number];
    let [to, tiedPositives] = [from, 0];
    for (; to < size && score[order[to] as number] === tied; to++)
      tiedPositives += positive[order[to] as number] as number;
    const tiedNegatives = to - from - tiedPositives;
    for (let i = from; i < to; i++) {
      const at = order[i] as number;
      placements[at] = positive[at]
        ? (negativesBelow + tiedNegatives / 2) / negatives
        : (positives - positivesBelow - tiedPositives / 2) / positives;
      if (positive[at]) sum += placements[at] as number;
    }
    positivesBelow += tiedPositives;
    negativesBelow += tiedNegatives;
    from = to;
  }
  return { value: sum / positives, placements, positives, negatives };
}

/** The variances of the placements of either class, each over the number of its examples. */
function covariance(
  a: Float64Array,
  b: Float64Array,
  positive: Uint8Array,
  positives: number,
  negatives: number,
): number {
  const within = (which: number, count: number) => {
    const mean = (values: Float64Array) =>
      values.reduce((sum, value, i) => (positive[i] === which ? sum + value : sum), 0) / count;
    const [meanA, meanB] = [mean(a), mean(b)];
    let sum = 0;
    for (let i = 0; i < a.length; i++)
      if (positive[i] === which) sum += ((a[i] as number) - meanA) * ((b[i] as number) - meanB);
    return count > 1 ? sum / (count - 1) / count : Number.NaN;
  };
  return within(1, positives) + within(0, negatives);
}
