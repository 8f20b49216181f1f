export { type CurvePoint, thin } from './curves.ts';
export { type DvcPlot, plotFiles, readDvcMetrics, readDvcPlots } from './dvc.ts';
export { parseJson } from './json.ts';
export { formatProblem, type Metrics, readMetrics } from './read.ts';
