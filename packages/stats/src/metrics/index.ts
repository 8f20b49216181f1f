import type { Predictions, Task } from '../predictions.ts';
import { calibrationMetric } from './calibration.ts';
import { classificationMetric } from './classification.ts';
import { curveMetric } from './curves.ts';
import type { MetricDefinition } from './definition.ts';
import { latencyMetric } from './latency.ts';
import { probabilityMetric } from './probability.ts';
import { rankingMetric } from './ranking.ts';
import { regressionMetric } from './regression.ts';

export type { MetricDefinition } from './definition.ts';

const families = [
  ...[classificationMetric, curveMetric, probabilityMetric, calibrationMetric],
  ...[regressionMetric, rankingMetric, latencyMetric],
];

/** The built-in metric of a name, parameters included; undefined for a name that is none. */
export function metricNamed(name: string): MetricDefinition | undefined {
  for (const family of families) {
    const found = family(name);
    if (found) return found;
  }
  return undefined;
}

/** What a reader wants to see of a task without asking. */
const usual: Readonly<Record<Task, readonly string[]>> = {
  binary: [
    'accuracy',
    'balanced_accuracy',
    'precision',
    'recall',
    'specificity',
    'f1',
    'roc_auc',
    'pr_auc',
    'log_loss',
    'brier',
    'ece',
  ],
  multiclass: [
    'accuracy',
    'balanced_accuracy',
    'precision_macro',
    'recall_macro',
    'f1_macro',
    'roc_auc_ovr_macro',
    'log_loss',
    'brier',
    'ece',
  ],
  regression: ['rmse', 'mae', 'median_absolute_error', 'mape', 'r2'],
  ranking: ['ndcg@10', 'map@10'],
};
const ofTimes = ['latency_mean', 'latency_p50', 'latency_p95', 'latency_p99'];

/** Names of all built-in metrics, those with parameters by example. */
export const metricNames: readonly string[] = [
  ...new Set([
    ...Object.values(usual).flat(),
    'selection_rate',
    'mcc',
    'cohen_kappa',
    'precision_micro',
    'recall_micro',
    'f1_micro',
    'precision_weighted',
    'recall_weighted',
    'f1_weighted',
    'roc_auc_ovr_weighted',
    'pr_auc_macro',
    'top_5_accuracy',
    'quantile_loss@0.9',
    ...ofTimes,
  ]),
];

/** Scores beyond which a curve for each class, resampled thousands of times, takes too long for what nobody asked for. */
const mostScores = 1_000_000;

/** The usual metrics that can be computed from these predictions, without curves of many classes and examples. */
export function metricsOf(predictions: Predictions): MetricDefinition[] {
  const { task, size, classes } = predictions;
  const large = task === 'multiclass' && size * classes.length > mostScores;
  return [...usual[task], ...ofTimes]
    .filter((name) => !(large && curveMetric(name)))
    .flatMap((name) => metricNamed(name) ?? [])
    .filter((definition) => definition.problem(predictions) === undefined);
}

/** Names of the metrics that a pattern may stand for: those of `metricsOf`, and those of each class. */
export function namesOf(predictions: Predictions): string[] {
  const { task, classes } = predictions;
  const byClass = task === 'binary' || task === 'multiclass' ? ['precision', 'recall', 'f1'] : [];
  return [
    ...metricsOf(predictions).map(({ name }) => name),
    ...byClass.flatMap((score) => classes.map((one) => `${score}[${one}]`)),
  ];
}
