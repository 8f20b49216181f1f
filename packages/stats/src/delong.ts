import { type Estimate, fromScore, withoutNoise, withoutVariation } from './estimate.ts';
import { ascending } from './order.ts';
import type { Auc } from './statistic.ts';

/** Where one of two classes is missing there is no curve. */
export function hasBothClasses({ positive }: Auc): boolean {
  return positive.includes(1) && positive.includes(0);
}

/** The area under the curve with the variance of DeLong, DeLong and Clarke-Pearson (1988), in logits. */
export function aucEstimate(auc: Auc): Estimate {
  const { value, placements, positives, negatives } = placed(auc);
  const error = Math.sqrt(varianceOf(placements, auc.positive, positives, negatives));
  const [size, smallest] = [positives + negatives, Math.min(positives, negatives)];
  const range = [0, 1] as const;
  if (Number.isNaN(error)) return withoutNoise(value, size, oneExample);
  if (error === 0) return withoutVariation({ value, size, smallest, range, width: 1 });
  const logit = (p: number) => Math.log(p / (1 - p));
  return fromScore({
    ...{ value, size, method: 'DeLong', range },
    score: (bound) => ((logit(value) - logit(bound)) * value * (1 - value)) / error,
  });
}

/** The difference of two areas over the same examples, by DeLong's paired variance. */
export function aucChangeEstimate(candidate: Auc, baseline: Auc): Estimate {
  const [a, b] = [placed(candidate), placed(baseline)];
  const { positives, negatives } = a;
  const differences = a.placements.map((placement, i) => placement - (b.placements[i] as number));
  const error = Math.sqrt(varianceOf(differences, candidate.positive, positives, negatives));
  const value = a.value - b.value;
  const [size, smallest] = [positives + negatives, Math.min(positives, negatives)];
  const range = [-1, 1] as const;
  if (Number.isNaN(error)) return withoutNoise(value, size, oneExample);
  if (error === 0) return withoutVariation({ value, size, smallest, range, width: 1 });
  return fromScore({
    ...{ value, size, method: 'DeLong, paired', range },
    score: (bound) => (value - bound) / error,
  });
}

const oneExample = 'a class with one example has no spread';

/** The area without each example in turn; undefined where weights or too few examples are in the way. */
export function aucWithoutEach(auc: Auc): Float64Array | undefined {
  const { value, placements, positives, negatives } = placed(auc);
  if (auc.weight || positives < 2 || negatives < 2) return undefined;
  return placements.map((placement, i) => {
    const count = auc.positive[i] ? positives : negatives;
    return (count * value - placement) / (count - 1);
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
function varianceOf(
  placements: Float64Array,
  positive: Uint8Array,
  positives: number,
  negatives: number,
): number {
  const within = (which: number, count: number) => {
    const sumOf = (of: (placement: number) => number) =>
      placements.reduce((sum, placement, i) => (positive[i] === which ? sum + of(placement) : sum), 0);
    const first = placements[positive.indexOf(which)] as number;
    // Around the first, so that placements that are all the same have no variance at all.
    const mean = first + sumOf((placement) => placement - first) / count;
    return count > 1 ? sumOf((placement) => (placement - mean) ** 2) / (count - 1) / count : Number.NaN;
  };
  return within(1, positives) + within(0, negatives);
}
