import { everyTask, type MetricDefinition, meanOf, metric } from './definition.ts';

/** Times of predictions in seconds: `latency_mean`, `latency_p95`, `latency_p99.9`. */
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
      const { latency = new Float64Array() } = predictions;
      if (percentile) return { kind: 'quantile', values: latency, at: Number(percentile) / 100 };
      return meanOf({ ...predictions, weight: undefined }, (i) => latency[i] as number);
    },
  });
}
