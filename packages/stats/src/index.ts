export type { Predictions, Task } from './predictions.ts';
export type { Auc, AveragePrecision, Mean, Proportion, Quantile, Statistic, Sums } from './statistic.ts';
