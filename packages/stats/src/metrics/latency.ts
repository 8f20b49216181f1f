import type { Predictions } from '../predictions.ts';
import { everyTask, type MetricDefinition, meanOf, metric } from './definition.ts';
import { byQuery } from './ranking.ts';

/**
 * Times of predictions in seconds: `latency_mean`, `latency_p95`, `latency_p99.9`; weights do not count. A query takes as
 * long as the slowest of its documents.
 */
export function latencyMetric(name: string): MetricDefinition | undefined {
  const [, kind, percentile] = /^latency_(mean|p(\d{1,2}(?:\.\d+)?))$/.exec(name) ?? [];
  if (!kind) return undefined;
  return metric({
    ...{ name, greaterIsBetter: false, range: [0, Number.POSITIVE_INFINITY], tasks: everyTask },
    needs: 'latency',
    description: percentile
      ? `Seconds in which ${percentile} % of the predictions were made.`
      : 'Mean seconds that a prediction took.',
    statistic(predictions) {
      const values = timesOf(predictions);
      if (percentile) return { kind: 'quantile', values, at: Number(percentile) / 100 };
      return meanOf({ ...predictions, size: values.length, weight: undefined }, (i) => values[i] as number);
    },
  });
}

function timesOf(predictions: Predictions): Float64Array {
  const { latency = new Float64Array(), query } = predictions;
  return query ? byQuery(predictions, latency, Math.max) : latency;
}
