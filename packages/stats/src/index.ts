export { type MetricDefinition, metricNamed, metricNames, metricsOf } from './metrics/index.ts';
export type { Predictions, Task } from './predictions.ts';
export type { Auc, AveragePrecision, Mean, Proportion, Quantile, Statistic, Sums } from './statistic.ts';
export { evaluate } from './value.ts';
