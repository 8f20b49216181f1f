import type { Predictions } from '../predictions.ts';
import { classification, type MetricDefinition, meanOf, metric, shareOf } from './definition.ts';

const unit = [0, 1] as const;

/** Metrics of the scores of one example at a time, with scikit-learn's definitions. */
export function probabilityMetric(name: string): MetricDefinition | undefined {
  const simple = simpleMetrics.get(name);
  if (simple) return simple;
  const [, k] = /^top_([1-9]\d{0,3})_accuracy$/.exec(name) ?? [];
  return k ? topK(name, Number(k)) : undefined;
}

const simpleMetrics: ReadonlyMap<string, MetricDefinition> = new Map(
  [
    metric({
      ...{ name: 'log_loss', greaterIsBetter: false, range: [0, Number.POSITIVE_INFINITY] },
      ...{ tasks: classification, needs: 'score' as const },
      description: 'Mean negative logarithm of the probability that the true class got.',
      unless: notProbabilities,
      statistic(predictions) {
        const ofTruth = probabilityOfTruth(predictions);
        // scikit-learn keeps probabilities this far from 0 and 1.
        const closest = Number.EPSILON;
        return meanOf(predictions, (i) => -Math.log(Math.min(1 - closest, Math.max(closest, ofTruth(i)))));
      },
    }),
    metric({
      ...{ name: 'brier', greaterIsBetter: false, range: [0, 2], tasks: classification, needs: 'score' },
      description:
        'Mean squared distance of the probabilities from what was the case; of several classes, added up.',
      unless: notProbabilities,
      statistic: (predictions) => meanOf(predictions, squaredDistance(predictions)),
    }),
  ].map((definition): [string, MetricDefinition] => [definition.name, definition]),
);

/** Scores that are no probabilities make these metrics meaningless. */
export function notProbabilities({ score, task, classes, size }: Predictions): string | undefined {
  const outside = score?.findIndex((one) => !(one >= 0 && one <= 1)) ?? -1;
  const width = task === 'binary' ? 1 : classes.length;
  if (outside >= 0)
    return `the score ${score?.[outside]} of example ${Math.floor(outside / width) + 1} is no probability`;
  if (task === 'binary') return undefined;
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let c = 0; c < width; c++) sum += score?.[i * width + c] as number;
    if (Math.abs(sum - 1) > 1e-3) return `the probabilities of example ${i + 1} add up to ${sum}, not to 1`;
  }
  return undefined;
}

function probabilityOfTruth({ task, score, label, positive, classes }: Predictions): (i: number) => number {
  if (task !== 'binary') return (i) => score?.[i * classes.length + (label[i] as number)] as number;
  return (i) => (label[i] === positive ? (score?.[i] as number) : 1 - (score?.[i] as number));
}

function squaredDistance({ task, score, label, positive, classes }: Predictions): (i: number) => number {
  if (task === 'binary') return (i) => ((score?.[i] as number) - Number(label[i] === positive)) ** 2;
  return (i) => {
    let sum = 0;
    for (let c = 0; c < classes.length; c++)
      sum += ((score?.[i * classes.length + c] as number) - Number(label[i] === c)) ** 2;
    return sum;
  };
}

function topK(name: string, k: number): MetricDefinition {
  return metric({
    ...{ name, greaterIsBetter: true, range: unit, tasks: ['multiclass'], needs: 'score' },
    description: `Share of examples whose class is among the ${k} with the highest scores.`,
    unless: ({ classes }) =>
      k < classes.length
        ? undefined
        : `there are ${classes.length} classes, so that every example is among ${k}`,
    statistic(predictions) {
      const { classes, score, label } = predictions;
      return shareOf(predictions, (i) => {
        const at = i * classes.length;
        const truth = label[i] as number;
        const own = score?.[at + truth] as number;
        let before = 0;
        // Of equal scores, scikit-learn takes the later class first.
        for (let c = 0; c < classes.length; c++) {
          const other = score?.[at + c] as number;
          if (other > own || (other === own && c > truth)) before++;
        }
        return before < k;
      });
    },
  });
}
