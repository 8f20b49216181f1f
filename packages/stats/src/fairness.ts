import type { Predictions } from './predictions.ts';

/**
 * Differences between groups of people, or of whatever examples are about, as fairlearn defines them (Bird et al.,
 * 2020): the largest difference of a rate between any two groups.
 */
const ratesOf = {
  /** Of the share that is predicted as positive (Dwork et al., 2012). */
  demographic_parity_difference: ['selection rate'],
  /** Of the share of positives that is found (Hardt, Price and Srebro, 2016). */
  equal_opportunity_difference: ['true positive rate'],
  /** Of that, and of the share of negatives that is taken for positive (Hardt, Price and Srebro, 2016). */
  equalized_odds_difference: ['true positive rate', 'false positive rate'],
} as const satisfies Record<string, readonly RateName[]>;

export type RateName = 'selection rate' | 'true positive rate' | 'false positive rate';
export type FairnessMetric = keyof typeof ratesOf;

export const fairnessMetrics = Object.keys(ratesOf) as FairnessMetric[];

export function isFairness(metric: string): metric is FairnessMetric {
  return Object.hasOwn(ratesOf, metric);
}

/** A rate in each group. */
export interface GroupRates {
  rate: RateName;
  /** By group: successes among `size` examples, of which there may be none. */
  groups: readonly { successes: number; size: number }[];
}

/** Why fairness cannot be told from these predictions; undefined when it can. */
export function fairnessProblem(
  metric: FairnessMetric,
  { task, prediction }: Predictions,
): string | undefined {
  if (task !== 'binary') return `'${metric}' is a metric of binary tasks, and this is ${task}`;
  return prediction ? undefined : `'${metric}' needs the column 'prediction', which the predictions lack`;
}

/**
 * The rates that a fairness metric compares. Weighted examples count as so many unweighted ones as make the mean as
 * certain: (Σw)² / Σw² (Kish, 1965).
 *
 * @param group Of each example, the index of its group, below `count`
 */
export function groupRates(
  metric: FairnessMetric,
  predictions: Predictions,
  group: Int32Array,
  count: number,
): GroupRates[] {
  return ratesOf[metric].map((rate) => ({ rate, groups: rateByGroup(rate, predictions, group, count) }));
}

function rateByGroup(rate: RateName, predictions: Predictions, group: Int32Array, count: number) {
  const { size, label, prediction, positive, weight } = predictions;
  const [successes, all, squares] = [0, 1, 2].map(() => new Float64Array(count)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let i = 0; i < size; i++) {
    const isPositive = label[i] === positive;
    if (rate !== 'selection rate' && isPositive !== (rate === 'true positive rate')) continue;
    const g = group[i] as number;
    const w = weight ? (weight[i] as number) : 1;
    all[g] = (all[g] as number) + w;
    squares[g] = (squares[g] as number) + w * w;
    if (prediction?.[i] === positive) successes[g] = (successes[g] as number) + w;
  }
  return Array.from({ length: count }, (_, g) => {
    const total = all[g] as number;
    const effective = total > 0 ? total / (squares[g] as number) : 0;
    return { successes: (successes[g] as number) * effective, size: total * effective };
  });
}
