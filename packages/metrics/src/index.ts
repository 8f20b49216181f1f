export { type CurvePoint, thin } from './curves.ts';
export { type DvcPlot, plotFiles, readDvcMetrics, readDvcPlots } from './dvc.ts';
export { formatProblem, type Metrics, readMetrics } from './read.ts';
