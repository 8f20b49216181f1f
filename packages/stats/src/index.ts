export { aucChangeEstimate, aucEstimate, hasBothClasses } from './delong.ts';
export { type Estimate, examplesNeeded, holm } from './estimate.ts';
export {
  type ChangeQuestion,
  type EstimateOptions,
  estimates,
  type Method,
  methodProblem,
  methods,
  type Question,
  type ValueQuestion,
} from './estimates.ts';
export { type MetricDefinition, metricNamed, metricNames, metricsOf } from './metrics/index.ts';
export { plotsOf } from './plots.ts';
export type { Predictions, Task } from './predictions.ts';
export {
  mcnemar,
  type Paired,
  pairedProportionEstimate,
  proportionEstimate,
  rateDifference,
} from './proportion.ts';
export { independentSamples, type SampleMethod, sampleEstimate } from './samples.ts';
export type { Auc, AveragePrecision, Mean, Proportion, Quantile, Statistic, Sums } from './statistic.ts';
export { evaluate } from './value.ts';
