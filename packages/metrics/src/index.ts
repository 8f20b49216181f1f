export { type Metrics, readMetrics } from '../../../actions/train/src/metrics/read.ts';
