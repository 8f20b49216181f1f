import { numberOf, type TrainingRecord } from '@mlops/core/record';
import type { readMetrics } from '@mlops/metrics';
import { budgetsOf } from './budgets.ts';
import type { Rules } from './rules.ts';
import { type Samples, samplesIn, samplesOf } from './seeds.ts';

export type Metrics = Readonly<Record<string, number>>;

/** What is known of one model. */
export interface Measurements {
  metrics: Metrics;
  /** Of metrics that were measured with several seeds, or on several folds. */
  samples?: Samples | undefined;
  /** What its training took, which is a metric where a rule bounds it. */
  budgets?: Metrics | undefined;
}

/** What a training recorded. */
export function measurementsOf(training: TrainingRecord): Measurements {
  const samples = samplesOf(training);
  const metrics = Object.entries(training.metrics).map(([metric, value]): [string, number] => [
    metric,
    numberOf(value),
  ]);
  return {
    metrics: Object.fromEntries([...metrics, ...meansOf(samples)]),
    ...{ samples, budgets: budgetsOf(training) },
  };
}

/** What metrics files say. */
export function measurementsIn({
  values,
  lists,
}: Pick<Awaited<ReturnType<typeof readMetrics>>, 'values' | 'lists'>): Measurements {
  const samples = samplesIn(lists);
  return { metrics: Object.fromEntries([...values, ...meansOf(samples)]), samples };
}

/** Counts what a training took among the metrics where rules ask for it, unless a file has a metric of that name. */
export function withBudgets<T extends Measurements>(measurements: T, rules: Rules): T {
  const asked = Object.entries(measurements.budgets ?? {}).filter(([metric]) => Object.hasOwn(rules, metric));
  if (!asked.length) return measurements;
  return { ...measurements, metrics: { ...Object.fromEntries(asked), ...measurements.metrics } };
}

/** Means of metrics of which there are only values by fold; NaN where one of them is. */
function meansOf(samples: Samples): [metric: string, mean: number][] {
  return Object.entries(samples).flatMap(([metric, { over, values }]): [string, number][] => {
    const all = Object.values(values);
    return over === 'folds' ? [[metric, all.reduce((sum, value) => sum + value, 0) / all.length]] : [];
  });
}
