import { ascending, quantileOf } from './order.ts';
import type { Auc, AveragePrecision, Statistic, Sums } from './statistic.ts';

/** A metric's value on its examples as they are; NaN where it is not defined. */
export function evaluate(statistic: Statistic): number {
  switch (statistic.kind) {
    case 'proportion': {
      const { success, member } = statistic;
      let [successes, members] = [0, 0];
      for (let i = 0; i < success.length; i++) {
        if (member && !member[i]) continue;
        members++;
        successes += success[i] as number;
      }
      return members ? successes / members : Number.NaN;
    }
    case 'sums':
      return statistic.value(totalsOf(statistic));
    case 'auc':
      return auc(statistic);
    case 'average-precision':
      return averagePrecision(statistic);
    case 'quantile':
      return quantileOf(Float64Array.from(statistic.values).sort(), statistic.at);
    case 'mean':
      return statistic.of.reduce((sum, one, i) => sum + evaluate(one) * (statistic.weights[i] as number), 0);
  }
}

/** `totals[cell * columns.length + column]` */
export function totalsOf({ columns, cell, cells }: Sums): Float64Array {
  const totals = new Float64Array(cells * columns.length);
  for (const [c, column] of columns.entries())
    for (let i = 0; i < column.length; i++) {
      const at = (cell ? (cell[i] as number) * columns.length : 0) + c;
      totals[at] = (totals[at] as number) + (column[i] as number);
    }
  return totals;
}

/** The share of pairs of a positive and a negative that the scores put in the right order: Mann and Whitney's U. */
function auc({ score, positive, weight }: Auc): number {
  const order = ascending(score);
  let [below, pairs, positives] = [0, 0, 0];
  for (let from = 0; from < order.length; ) {
    const tied = score[order[from] as number];
    let [tiedPositives, tiedNegatives, to] = [0, 0, from];
    for (; to < order.length && score[order[to] as number] === tied; to++) {
      const i = order[to] as number;
      const w = weight ? (weight[i] as number) : 1;
      if (positive[i]) tiedPositives += w;
      else tiedNegatives += w;
    }
    pairs += tiedPositives * (below + tiedNegatives / 2);
    below += tiedNegatives;
    positives += tiedPositives;
    from = to;
  }
  return pairs / (positives * below);
}

/** Sum over the thresholds of precision times the step in recall, as sklearn.metrics.average_precision_score. */
function averagePrecision({ score, positive, weight }: AveragePrecision): number {
  const order = ascending(score);
  let [hits, seen, sum] = [0, 0, 0];
  for (let from = order.length - 1; from >= 0; ) {
    const tied = score[order[from] as number];
    let [tiedHits, to] = [0, from];
    for (; to >= 0 && score[order[to] as number] === tied; to--) {
      const i = order[to] as number;
      const w = weight ? (weight[i] as number) : 1;
      if (positive[i]) tiedHits += w;
      seen += w;
    }
    hits += tiedHits;
    if (tiedHits) sum += tiedHits * (hits / seen);
    from = to;
  }
  return sum / hits;
}
