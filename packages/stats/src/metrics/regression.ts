import type { Predictions } from '../predictions.ts';
import type { Statistic } from '../statistic.ts';
import { type MetricDefinition, meanOf, metric, weights } from './definition.ts';

const positive = [0, Number.POSITIVE_INFINITY] as const;

/** Metrics of predicted numbers, with scikit-learn's definitions. */
export function regressionMetric(name: string): MetricDefinition | undefined {
  const simple = simpleMetrics.get(name);
  if (simple) return simple;
  const [, quantile] = /^quantile_loss@(0?\.\d+)$/.exec(name) ?? [];
  return quantile && Number(quantile) > 0 ? quantileLoss(name, Number(quantile)) : undefined;
}

const simpleMetrics: ReadonlyMap<string, MetricDefinition> = new Map(
  [
    loss('rmse', 'Root of the mean squared error.', (error) => error ** 2, Math.sqrt),
    loss('mae', 'Mean absolute error.', Math.abs),
    loss(
      'mape',
      'Mean absolute error relative to the true value, as a fraction.',
      // scikit-learn's least divisor, so that a true value of 0 gives a huge number and not infinity.
      (error, truth) => Math.abs(error) / Math.max(Math.abs(truth), Number.EPSILON),
    ),
    metric({
      ...{ name: 'median_absolute_error', greaterIsBetter: false, range: positive, tasks: ['regression'] },
      needs: 'prediction',
      description: 'Median of the absolute errors.',
      unless: ({ weight }) => (weight ? "'median_absolute_error' has no place for weights" : undefined),
      statistic(predictions) {
        const values = new Float64Array(predictions.size);
        for (let i = 0; i < values.length; i++) values[i] = Math.abs(errorOf(predictions, i));
        return { kind: 'quantile', values, at: 0.5 };
      },
    }),
    metric({
      ...{ name: 'r2', greaterIsBetter: true, range: [Number.NEGATIVE_INFINITY, 1], tasks: ['regression'] },
      needs: 'prediction',
      description: 'Share of the variance that is explained: the coefficient of determination.',
      unless: ({ size }) => (size < 2 ? 'one example has no variance' : undefined),
      statistic: determination,
    }),
  ].map((definition): [string, MetricDefinition] => [definition.name, definition]),
);

function loss(
  name: string,
  description: string,
  each: (error: number, truth: number) => number,
  after?: (mean: number) => number,
): MetricDefinition {
  return metric({
    ...{ name, greaterIsBetter: false, range: positive, tasks: ['regression'], needs: 'prediction' },
    description,
    statistic: (predictions) =>
      meanOf(predictions, (i) => each(errorOf(predictions, i), predictions.label[i] as number), after),
  });
}

function quantileLoss(name: string, quantile: number): MetricDefinition {
  return loss(name, `Mean pinball loss of a predicted ${quantile} quantile.`, (error) =>
    error <= 0 ? -quantile * error : (1 - quantile) * error,
  );
}

/** Prediction minus truth. */
function errorOf({ prediction, label }: Predictions, i: number): number {
  return (prediction?.[i] as number) - (label[i] as number);
}

function determination(predictions: Predictions): Statistic {
  const { size, label } = predictions;
  const weight = weights(predictions);
  // Around their mean, since the squares of large numbers would swallow the variance; from the first, so that a constant
  // target has none at all.
  const first = label[0] as number;
  const mean = first + label.reduce((sum, value) => sum + (value - first) / size, 0);
  const columns = [new Float64Array(size), new Float64Array(size), new Float64Array(size), weight] as const;
  for (let i = 0; i < size; i++) {
    const [w, centred] = [weight[i] as number, (label[i] as number) - mean];
    columns[0][i] = w * errorOf(predictions, i) ** 2;
    columns[1][i] = w * centred;
    columns[2][i] = w * centred ** 2;
  }
  return {
    ...{ kind: 'sums', columns, cell: undefined, cells: 1 },
    value(totals) {
      const [errors, sum, squares, total] = Array.from(totals) as [number, number, number, number];
      const variance = squares - sum ** 2 / total;
      // What is left by rounding where all are the same, as in a resample of one example again and again.
      if (!(variance > squares * nothing)) return errors === 0 ? 1 : 0;
      return 1 - errors / variance;
    },
  };
}

const nothing = 1e-13;
