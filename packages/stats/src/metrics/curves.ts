import type { Predictions } from '../predictions.ts';
import type { Auc, AveragePrecision } from '../statistic.ts';
import { type MetricDefinition, metric, weights } from './definition.ts';

const unit = [0, 1] as const;

/**
 * Areas under curves, of the positive class or of each class against all others, with scikit-learn's definitions. Where
 * a class has no examples they are not defined, even where scikit-learn has a value for an average precision.
 */
export function curveMetric(name: string): MetricDefinition | undefined {
  return metrics.get(name);
}

const metrics: ReadonlyMap<string, MetricDefinition> = new Map(
  [
    ofPositive('roc_auc', 'Area under the ROC curve: how often a positive scores above a negative.', 'auc'),
    ofPositive('pr_auc', 'Area under the precision-recall curve, as average precision.', 'average-precision'),
    overClasses('roc_auc_ovr_macro', 'auc', false),
    overClasses('roc_auc_ovr_weighted', 'auc', true),
    overClasses('pr_auc_macro', 'average-precision', false),
  ].map((definition): [string, MetricDefinition] => [definition.name, definition]),
);

type Kind = (Auc | AveragePrecision)['kind'];

function ofPositive(name: string, description: string, kind: Kind): MetricDefinition {
  return metric({
    ...{ name, greaterIsBetter: true, range: unit, tasks: ['binary'], needs: 'score', description },
    unless: ({ label, positive, classes }) => {
      if (!label.includes(positive ?? -1)) return `no example is '${classes[positive ?? -1]}'`;
      return label.every((one) => one === positive)
        ? `every example is '${classes[positive ?? -1]}'`
        : undefined;
    },
    statistic: ({ score = new Float64Array(), label, positive, weight }) => ({
      ...{ kind, score, weight },
      positive: isClass(label, positive as number),
    }),
  });
}

/** The mean over the classes of each against all others. */
function overClasses(name: string, kind: Kind, weighted: boolean): MetricDefinition {
  const area = kind === 'auc' ? 'Area under the ROC curve' : 'Average precision';
  return metric({
    ...{ name, greaterIsBetter: true, range: unit, tasks: ['multiclass'], needs: 'score' },
    description: `${area} of each class against the others, averaged${weighted ? ' by their shares' : ''}.`,
    unless: ({ classes, label }) => {
      const present = new Set(label);
      const absent = classes.find((_, c) => !present.has(c));
      return absent === undefined ? undefined : `no example is of the class '${absent}'`;
    },
    statistic(predictions) {
      const { classes, weight } = predictions;
      const shares = sharesOf(predictions);
      return {
        kind: 'mean',
        of: againstOthers(predictions).map((curve) => ({ ...curve, kind, weight })),
        weights: classes.map((_, c) => (weighted ? (shares[c] as number) : 1 / classes.length)),
      };
    },
  });
}

interface Curve {
  readonly score: Float64Array;
  readonly positive: Uint8Array;
}

const known = new WeakMap<Predictions, readonly Curve[]>();

/** Each class's scores and examples, the same arrays each time. */
function againstOthers(predictions: Predictions): readonly Curve[] {
  const curves = known.get(predictions) ?? separated(predictions);
  known.set(predictions, curves);
  return curves;
}

function separated({ classes, size, label, score }: Predictions): Curve[] {
  return classes.map((_, c) => {
    const own = new Float64Array(size);
    for (let i = 0; i < size; i++) own[i] = score?.[i * classes.length + c] as number;
    return { score: own, positive: isClass(label, c) };
  });
}

function sharesOf(predictions: Predictions): Float64Array {
  const { classes, label, size } = predictions;
  const each = weights(predictions);
  const shares = new Float64Array(classes.length);
  let total = 0;
  for (let i = 0; i < size; i++) {
    const [c, w] = [label[i] as number, each[i] as number];
    shares[c] = (shares[c] as number) + w;
    total += w;
  }
  return shares.map((share) => share / total);
}

function isClass(label: Float64Array, wanted: number): Uint8Array {
  const is = new Uint8Array(label.length);
  for (let i = 0; i < is.length; i++) is[i] = Number(label[i] === wanted);
  return is;
}
