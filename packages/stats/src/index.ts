export { aucChangeEstimate, aucEstimate, hasBothClasses } from './delong.ts';
export { type Estimate, examplesNeeded, holm } from './estimate.ts';
export {
  type ChangeQuestion,
  type EstimateOptions,
  estimates,
  methodProblem,
  type Question,
  type ValueQuestion,
} from './estimates.ts';
export { type Method, methods } from './methods.ts';
export { type MetricDefinition, metricNamed, metricNames, metricsOf, namesOf } from './metrics/index.ts';
export { plotsOf } from './plots.ts';
export { examplesAt, type Predictions, type Task } from './predictions.ts';
export {
  mcnemar,
  type Paired,
  pairedProportionEstimate,
  proportionEstimate,
  rateDifference,
} from './proportion.ts';
export { independentSamples, type Repeats, type SampleMethod, sampleEstimate } from './samples.ts';
export type { Auc, AveragePrecision, Mean, Proportion, Quantile, Statistic, Sums } from './statistic.ts';
export { evaluate } from './value.ts';
