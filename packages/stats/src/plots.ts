import type { PlotsRecord } from '@mlops/core/record';
import { calibrationBins } from './metrics/calibration.ts';
import { confusionOf } from './metrics/confusion.ts';
import { weights } from './metrics/definition.ts';
import { metricNamed } from './metrics/index.ts';
import { ascending } from './order.ts';
import type { Predictions } from './predictions.ts';
import { shapeOf } from './shape.ts';

/**
 * What a report draws of the examples of one model or two, as far as their task and columns allow: the confusion matrix,
 * the curves of a binary task, calibration, and true values beside predicted ones.
 */
export function plotsOf(candidate: Predictions, baseline?: Predictions): PlotsRecord {
  const models = { candidate, ...(baseline && { baseline }) };
  const curves = both(models, thresholds);
  const drawn = {
    confusion: confusionPlot(candidate, baseline),
    roc: curves && both(curves, rocPoints),
    precisionRecall: curves && both(curves, precisionRecallPoints),
    calibration: both(models, calibrationPoints),
    residuals: both(models, residualPoints),
  };
  return Object.fromEntries(Object.entries(drawn).filter(([, plot]) => plot !== undefined));
}

interface Both<T> {
  candidate: T;
  baseline?: T;
}

/** Undefined where there is nothing of the candidate. */
function both<T, U>({ candidate, baseline }: Both<T>, draw: (of: T) => U | undefined): Both<U> | undefined {
  const [ours, theirs] = [draw(candidate), baseline && draw(baseline)];
  return ours && { candidate: ours, ...(theirs && { baseline: theirs }) };
}

type Point = [x: number, y: number];

/** A matrix of more classes is larger than all else that is recorded of a run. */
const mostClasses = 100;

/** Of many classes, those that are confused most and the others together. */
function confusionPlot(candidate: Predictions, baseline: Predictions | undefined): PlotsRecord['confusion'] {
  if (metricNamed('accuracy')?.problem(candidate)) return undefined;
  const { classes } = candidate;
  const comparable =
    baseline?.prediction && baseline.classes.length === classes.length ? baseline : undefined;
  const kept = classes.length > mostClasses ? mostConfused(candidate, mostClasses - 1) : [...classes.keys()];
  const others = classes.length - kept.length;
  const place = new Int32Array(classes.length).fill(kept.length);
  for (const [at, c] of kept.entries()) place[c] = at;
  const names = kept.map((c) => classes[c] as string);
  return {
    classes: others ? [...names, `the other ${others} classes`] : names,
    candidate: matrix(candidate, place, kept.length + Number(others > 0)),
    ...(comparable && { baseline: matrix(comparable, place, kept.length + Number(others > 0)) }),
  };
}

/** Rows of true classes, columns of predicted ones; examples count by their weights. */
function matrix(predictions: Predictions, place: Int32Array, size: number): number[][] {
  const rows = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  eachConfusion(predictions, (label, prediction, count) => {
    const row = rows[place[label] as number] as number[];
    const column = place[prediction] as number;
    row[column] = (row[column] as number) + count;
  });
  return rows;
}

function mostConfused(predictions: Predictions, most: number): number[] {
  const wrong = new Float64Array(predictions.classes.length);
  eachConfusion(predictions, (label, prediction, count) => {
    if (label === prediction) return;
    wrong[label] = (wrong[label] as number) + count;
    wrong[prediction] = (wrong[prediction] as number) + count;
  });
  return [...wrong.keys()]
    .sort((a, b) => (wrong[b] as number) - (wrong[a] as number) || a - b)
    .slice(0, most)
    .sort((a, b) => a - b);
}

function eachConfusion(
  predictions: Predictions,
  take: (label: number, prediction: number, count: number) => void,
): void {
  const { cell, label, prediction } = confusionOf(predictions);
  const weight = weights(predictions);
  const counts = new Float64Array(label.length);
  for (let i = 0; i < cell.length; i++) {
    const at = cell[i] as number;
    counts[at] = (counts[at] as number) + (weight[i] as number);
  }
  for (const [at, count] of counts.entries()) take(label[at] as number, prediction[at] as number, count);
}

/** Positives and negatives with at least each score, the highest score first, after none of either. */
interface Thresholds {
  hits: Float64Array;
  alarms: Float64Array;
}

/** Undefined without positives or negatives. */
function thresholds(predictions: Predictions): Thresholds | undefined {
  if (metricNamed('roc_auc')?.problem(predictions)) return undefined;
  const { size, score = new Float64Array(), label, positive } = predictions;
  const weight = weights(predictions);
  const order = ascending(score);
  const [hits, alarms] = [new Float64Array(size + 1), new Float64Array(size + 1)];
  let [at, above] = [0, Number.NaN];
  for (let rank = size - 1; rank >= 0; rank--) {
    const i = order[rank] as number;
    if (weight[i] === 0) continue;
    if (score[i] !== above) {
      above = score[i] as number;
      at++;
      hits[at] = hits[at - 1] as number;
      alarms[at] = alarms[at - 1] as number;
    }
    const counts = label[i] === positive ? hits : alarms;
    counts[at] = (counts[at] as number) + (weight[i] as number);
  }
  return hits[at] && alarms[at]
    ? { hits: hits.subarray(0, at + 1), alarms: alarms.subarray(0, at + 1) }
    : undefined;
}

/** False and true positive rate at each score, from (0, 0) to (1, 1). */
function rocPoints({ hits, alarms }: Thresholds): Point[] {
  const [positives, negatives] = [hits.at(-1) as number, alarms.at(-1) as number];
  return line(
    alarms.map((count) => count / negatives),
    hits.map((count) => count / positives),
  );
}

/** Recall and precision at each score, from recall 0, where scikit-learn has a precision of 1. */
function precisionRecallPoints({ hits, alarms }: Thresholds): Point[] {
  const positives = hits.at(-1) as number;
  return line(
    hits.map((count) => count / positives),
    hits.map((count, i) => (i === 0 ? 1 : count / (count + (alarms[i] as number)))),
  );
}

function calibrationPoints(predictions: Predictions) {
  if (metricNamed('ece')?.problem(predictions)) return undefined;
  return calibrationBins(predictions).map(({ predicted, observed, examples }) => ({
    ...{ predicted: drawable(predicted), observed: drawable(observed), examples },
  }));
}

const mostResiduals = 500;

/** True value and prediction of examples that are spread evenly over the true values. */
function residualPoints(predictions: Predictions): Point[] | undefined {
  const { task, size, label, prediction } = predictions;
  if (task !== 'regression' || !prediction || size === 0) return undefined;
  const order = ascending(label);
  const count = Math.min(size, mostResiduals);
  return Array.from({ length: count }, (_, n) => {
    const rank = count > 1 ? Math.round((n * (size - 1)) / (count - 1)) : 0;
    const i = order[rank] as number;
    return [label[i] as number, prediction[i] as number];
  });
}

const mostPoints = 200;

function line(x: Float64Array, y: Float64Array): Point[] {
  return shapeOf(x, y, mostPoints).map((i) => [drawable(x[i] as number), drawable(y[i] as number)]);
}

/** No picture shows a share more closely. */
function drawable(share: number): number {
  return Math.round(share * 1e5) / 1e5;
}
