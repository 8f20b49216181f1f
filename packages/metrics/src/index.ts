export { type CurvePoint, thin } from './curves.ts';
export { formatProblem, type Metrics, readMetrics } from './read.ts';
