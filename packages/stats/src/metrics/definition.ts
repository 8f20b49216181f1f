import type { Predictions, Task } from '../predictions.ts';
import type { Statistic } from '../statistic.ts';

export type Column = 'prediction' | 'score' | 'query' | 'latency';

/** A metric that is computed from examples. */
export interface MetricDefinition {
  /** As written, parameters included: `f1_macro`, `top_3_accuracy`, `ndcg@10`. */
  readonly name: string;
  readonly greaterIsBetter: boolean;
  /** Lowest and highest value that it can have. */
  readonly range: readonly [number, number];
  readonly tasks: readonly Task[];
  readonly needs: readonly Column[];
  /** One line for people. */
  readonly description: string;
  /** Why it cannot be computed from these predictions; undefined when it can. */
  problem(predictions: Predictions): string | undefined;
  statistic(predictions: Predictions): Statistic;
}

interface Declared extends Omit<MetricDefinition, 'problem' | 'needs'> {
  needs: Column | readonly Column[];
  /** What else must hold, checked when task and columns are right. */
  unless?(predictions: Predictions): string | undefined;
}

/** A definition whose `problem` checks task and columns, and then what else was declared. */
export function metric({ needs, unless, ...declared }: Declared): MetricDefinition {
  const columns = [needs].flat();
  return {
    ...declared,
    needs: columns,
    problem(predictions) {
      if (!declared.tasks.includes(predictions.task))
        return `'${declared.name}' is a metric of ${declared.tasks.join(' and ')} tasks, and this is ${predictions.task}`;
      const missing = columns.find((column) => predictions[column] === undefined);
      if (missing) return `'${declared.name}' needs the column '${missing}', which the predictions lack`;
      if (predictions.size === 0) return 'there are no examples';
      return unless?.(predictions);
    },
  };
}

export const classification = ['binary', 'multiclass'] as const;
export const everyTask = ['binary', 'multiclass', 'regression', 'ranking'] as const;

const onesOf = new WeakMap<Predictions, Float64Array>();

/** Each example's weight, 1 where none is given; the same array each time. */
export function weights(predictions: Predictions): Float64Array {
  if (predictions.weight) return predictions.weight;
  const ones = onesOf.get(predictions) ?? new Float64Array(predictions.size).fill(1);
  onesOf.set(predictions, ones);
  return ones;
}

/** The weighted mean of a value of each example. */
export function meanOf(
  predictions: Predictions,
  each: (i: number) => number,
  after: (mean: number) => number = (mean) => mean,
): Statistic {
  const weight = weights(predictions);
  const column = new Float64Array(predictions.size);
  for (let i = 0; i < column.length; i++) column[i] = each(i) * (weight[i] as number);
  return {
    kind: 'sums',
    columns: [column, weight],
    cell: undefined,
    cells: 1,
    value: (totals) => after((totals[0] as number) / (totals[1] as number)),
  };
}

/** The share of successes among the members: a proportion where all examples count alike, else a weighted mean. */
export function shareOf(
  predictions: Predictions,
  isSuccess: (i: number) => boolean,
  isMember?: (i: number) => boolean,
): Statistic {
  const { size, weight } = predictions;
  const success = new Uint8Array(size);
  const member = isMember && new Uint8Array(size);
  for (let i = 0; i < size; i++) {
    if (member) member[i] = Number(isMember(i));
    success[i] = Number((!member || member[i] === 1) && isSuccess(i));
  }
  if (!weight) return { kind: 'proportion', success, member };
  return {
    kind: 'sums',
    columns: [
      Float64Array.from(success, (is, i) => is * (weight[i] as number)),
      member ? Float64Array.from(member, (is, i) => is * (weight[i] as number)) : weight,
    ],
    cell: undefined,
    cells: 1,
    value: (totals) => (totals[0] as number) / (totals[1] as number),
  };
}
