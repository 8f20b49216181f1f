import type { Predictions } from '../predictions.ts';
import type { Auc, Statistic } from '../statistic.ts';
import { classification, type MetricDefinition, meanOf, metric, shareOf, weights } from './definition.ts';

const unit = [0, 1] as const;

/** Metrics of scores and probabilities, with scikit-learn's definitions. */
export function probabilityMetric(name: string): MetricDefinition | undefined {
  const simple = simpleMetrics.get(name);
  if (simple) return simple;
  const [, bins] = /^ece@([1-9]\d{0,3})$/.exec(name) ?? [];
  if (bins) return calibrationError(name, Number(bins));
  const [, k] = /^top_([1-9]\d{0,3})_accuracy$/.exec(name) ?? [];
  return k ? topK(name, Number(k)) : undefined;
}

const simpleMetrics: ReadonlyMap<string, MetricDefinition> = new Map(
  [
    ranked('roc_auc', 'Area under the ROC curve: how often a positive scores above a negative.', 'auc'),
    ranked('pr_auc', 'Area under the precision-recall curve, as average precision.', 'average-precision'),
    overClasses('roc_auc_ovr_macro', 'auc', false),
    overClasses('roc_auc_ovr_weighted', 'auc', true),
    overClasses('pr_auc_macro', 'average-precision', false),
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
    calibrationError('ece', 15),
  ].map((definition): [string, MetricDefinition] => [definition.name, definition]),
);

function ranked(
  name: string,
  description: string,
  kind: Auc['kind'] | 'average-precision',
): MetricDefinition {
  return metric({
    ...{ name, greaterIsBetter: true, range: unit, tasks: ['binary'], needs: 'score', description },
    unless: ({ label, positive, classes }) => {
      if (!label.includes(positive ?? -1)) return `no example is '${classes[positive ?? -1]}'`;
      return label.every((one) => one === positive)
        ? `every example is '${classes[positive ?? -1]}'`
        : undefined;
    },
    statistic: ({ score = new Float64Array(), label, positive, weight }) => ({
      kind,
      score,
      positive: Uint8Array.from(label, (one) => Number(one === positive)),
      weight,
    }),
  });
}

/** The mean over the classes of each against all others. */
function overClasses(name: string, kind: 'auc' | 'average-precision', weighted: boolean): MetricDefinition {
  return metric({
    ...{ name, greaterIsBetter: true, range: unit, tasks: ['multiclass'], needs: 'score' },
    description: `${kind === 'auc' ? 'Area under the ROC curve' : 'Average precision'} of each class against the others, averaged${weighted ? ' by their shares' : ''}.`,
    unless: ({ classes, label }) => {
      const absent = classes.find((_, c) => !label.includes(c));
      return absent === undefined ? undefined : `no example is of the class '${absent}'`;
    },
    statistic(predictions) {
      const { classes, size, label, score = new Float64Array(), weight } = predictions;
      const each = weights(predictions);
      const shares = new Float64Array(classes.length);
      label.forEach((one, i) => {
        shares[one] = (shares[one] as number) + (each[i] as number);
      });
      const total = shares.reduce((sum, share) => sum + share, 0);
      return {
        kind: 'mean',
        of: classes.map((_, c) => ({
          kind,
          score: Float64Array.from({ length: size }, (_, i) => score[i * classes.length + c] as number),
          positive: Uint8Array.from(label, (one) => Number(one === c)),
          weight,
        })),
        weights: classes.map((_, c) => (weighted ? (shares[c] as number) / total : 1 / classes.length)),
      };
    },
  });
}

/** Scores that are no probabilities make these metrics meaningless. */
function notProbabilities({ score, task, classes, size }: Predictions): string | undefined {
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

/**
 * Expected calibration error over bins of equal width (Naeini, Cooper and Hauskrecht, 2015; Guo et al., 2017): of the
 * positive class's probability, or of the most probable class's.
 */
function calibrationError(name: string, bins: number): MetricDefinition {
  return metric({
    ...{ name, greaterIsBetter: false, range: unit, tasks: classification, needs: 'score' },
    description: `Expected calibration error over ${bins} bins: how far probabilities are from shares.`,
    unless: notProbabilities,
    statistic(predictions): Statistic {
      const { size } = predictions;
      const weight = weights(predictions);
      const [gap, cell] = [new Float64Array(size), new Int32Array(size)];
      const of = confidence(predictions);
      for (let i = 0; i < size; i++) {
        const [stated, happened] = of(i);
        gap[i] = (stated - happened) * (weight[i] as number);
        cell[i] = Math.min(bins - 1, Math.floor(stated * bins));
      }
      return {
        ...{ kind: 'sums', columns: [gap, weight], cell, cells: bins },
        value(totals) {
          let [distance, total] = [0, 0];
          for (let bin = 0; bin < bins; bin++) {
            distance += Math.abs(totals[2 * bin] as number);
            total += totals[2 * bin + 1] as number;
          }
          return distance / total;
        },
      };
    },
  });
}

/** The probability that an example's prediction was given, and whether it came true. */
export function confidence(predictions: Predictions): (i: number) => [stated: number, happened: number] {
  const { task, score, label, positive, classes } = predictions;
  if (task === 'binary') return (i) => [score?.[i] as number, Number(label[i] === positive)];
  return (i) => {
    let top = 0;
    const at = i * classes.length;
    for (let c = 1; c < classes.length; c++)
      if ((score?.[at + c] as number) > (score?.[at + top] as number)) top = c;
    return [score?.[at + top] as number, Number(label[i] === top)];
  };
}

function topK(name: string, k: number): MetricDefinition {
  return metric({
    ...{ name, greaterIsBetter: true, range: unit, tasks: ['multiclass'], needs: 'score' },
    description: `Share of examples whose class is among the ${k} with the highest scores.`,
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
