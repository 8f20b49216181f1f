import type { Predictions } from '../predictions.ts';
import type { Statistic } from '../statistic.ts';
import { ofTally, type Tally } from './confusion.ts';
import { classification, type MetricDefinition, metric, shareOf } from './definition.ts';

type Score = 'precision' | 'recall' | 'f1';
type Average = 'macro' | 'micro' | 'weighted';

const unit = [0, 1] as const;

/** Metrics of predicted classes, with scikit-learn's definitions; one that is not defined is NaN, not 0. */
export function classificationMetric(name: string): MetricDefinition | undefined {
  const simple = simpleMetrics.get(name);
  if (simple) return simple;
  const [, score, average, className] =
    /^(precision|recall|f1)(?:_(macro|micro|weighted)|\[(.+)\])?$/.exec(name) ?? [];
  if (!score) return undefined;
  if (average) return averaged(name, score as Score, average as Average);
  return ofClass(name, score as Score, className);
}

const simpleMetrics: ReadonlyMap<string, MetricDefinition> = new Map(
  [
    metric({
      ...{ name: 'accuracy', greaterIsBetter: true, range: unit, tasks: classification, needs: 'prediction' },
      description: 'Share of examples whose class was predicted.',
      statistic: (predictions) => shareOf(predictions, isRight(predictions)),
    }),
    metric({
      ...{ name: 'balanced_accuracy', greaterIsBetter: true, range: unit, tasks: classification },
      needs: 'prediction',
      description: 'Mean of the recalls of the classes that occur.',
      statistic: (predictions) =>
        ofTally(predictions, ({ hits, support }) =>
          meanOver(
            support,
            (c) => (support[c] as number) > 0,
            (c) => (hits[c] as number) / (support[c] as number),
          ),
        ),
    }),
    metric({
      ...{ name: 'specificity', greaterIsBetter: true, range: unit, tasks: ['binary'], needs: 'prediction' },
      description: 'Share of the negative examples that were predicted as negative.',
      statistic: (predictions) => {
        const { label, positive } = predictions;
        return shareOf(predictions, isRight(predictions), (i) => label[i] !== positive);
      },
    }),
    metric({
      ...{
        name: 'selection_rate',
        greaterIsBetter: true,
        range: unit,
        tasks: ['binary'],
        needs: 'prediction',
      },
      description: 'Share of examples that were predicted as positive.',
      statistic: (predictions) => {
        const { prediction, positive } = predictions;
        return shareOf(predictions, (i) => prediction?.[i] === positive);
      },
    }),
    metric({
      ...{ name: 'mcc', greaterIsBetter: true, range: [-1, 1], tasks: classification, needs: 'prediction' },
      description: "Matthews' correlation coefficient, for several classes as Gorodkin (2004) has it.",
      statistic: (predictions) => ofTally(predictions, correlation),
    }),
    metric({
      ...{ name: 'cohen_kappa', greaterIsBetter: true, range: [-1, 1], tasks: classification },
      needs: 'prediction',
      description: "Agreement beyond chance of predicted and true classes: Cohen's kappa.",
      statistic: (predictions) =>
        ofTally(predictions, ({ total, right, predicted, support }) => {
          const chance = dot(predicted, support) / total ** 2;
          return (right / total - chance) / (1 - chance);
        }),
    }),
  ].map((definition): [string, MetricDefinition] => [definition.name, definition]),
);

function correlation({ total, right, predicted, support }: Tally): number {
  const spread = (total ** 2 - dot(predicted, predicted)) * (total ** 2 - dot(support, support));
  // scikit-learn says 0 where one of the two never varies.
  return spread === 0 ? 0 : (right * total - dot(predicted, support)) / Math.sqrt(spread);
}

/** Precision, recall or F1 of one class, by default the positive one. */
function ofClass(name: string, score: Score, className: string | undefined): MetricDefinition {
  const classOf = ({ classes, positive }: Predictions) =>
    className === undefined ? (positive ?? -1) : classes.indexOf(className);
  return metric({
    ...{ name, greaterIsBetter: true, range: unit, needs: 'prediction' },
    tasks: className === undefined ? ['binary'] : classification,
    description: `${nouns[score]} of the ${className === undefined ? 'positive class' : `class '${className}'`}.`,
    unless: (predictions) =>
      classOf(predictions) < 0
        ? `there is no class '${className}'; there are ${predictions.classes.slice(0, 10).join(', ')}`
        : undefined,
    statistic(predictions): Statistic {
      const { label, prediction } = predictions;
      const wanted = classOf(predictions);
      if (score === 'f1') return ofTally(predictions, (tally) => scores.f1(tally, wanted));
      const member = score === 'recall' ? label : prediction;
      return shareOf(predictions, isRight(predictions), (i) => member?.[i] === wanted);
    },
  });
}

const nouns: Readonly<Record<Score, string>> = { precision: 'Precision', recall: 'Recall', f1: 'F1 score' };

/** Of one class; NaN where it is not defined. */
const scores: Readonly<Record<Score, (tally: Tally, c: number) => number>> = {
  precision: ({ hits, predicted }, c) => (hits[c] as number) / (predicted[c] as number),
  recall: ({ hits, support }, c) => (hits[c] as number) / (support[c] as number),
  f1: ({ hits, predicted, support }, c) =>
    (2 * (hits[c] as number)) / ((predicted[c] as number) + (support[c] as number)),
};

function averaged(name: string, score: Score, average: Average): MetricDefinition {
  return metric({
    ...{ name, greaterIsBetter: true, range: unit, tasks: classification, needs: 'prediction' },
    description: `${nouns[score]}, ${averages[average]}.`,
    statistic(predictions) {
      // Over all classes together, each wrong prediction is one missed and one too many.
      if (average === 'micro') return shareOf(predictions, isRight(predictions));
      return ofTally(predictions, (tally) => {
        const { predicted, support } = tally;
        // A class that was never predicted, or never there, adds 0, as in scikit-learn.
        const of = (c: number) => scores[score](tally, c) || 0;
        if (average === 'weighted')
          return support.reduce((sum, weight, c) => sum + weight * of(c), 0) / tally.total;
        return meanOver(support, (c) => (support[c] as number) + (predicted[c] as number) > 0, of);
      });
    },
  });
}

const averages: Readonly<Record<Average, string>> = {
  macro: 'averaged over the classes',
  micro: 'of all classes together, which is the accuracy',
  weighted: 'averaged over the classes by their shares',
};

function isRight({ label, prediction }: Predictions): (i: number) => boolean {
  return (i) => prediction?.[i] === label[i];
}

function meanOver(
  classes: ArrayLike<number>,
  counts: (c: number) => boolean,
  value: (c: number) => number,
): number {
  let [sum, count] = [0, 0];
  for (let c = 0; c < classes.length; c++) {
    if (!counts(c)) continue;
    sum += value(c);
    count++;
  }
  return count ? sum / count : Number.NaN;
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}
