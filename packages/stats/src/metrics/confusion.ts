import type { Predictions } from '../predictions.ts';
import type { Sums } from '../statistic.ts';
import { weights } from './definition.ts';

/** Examples by true and predicted class; only pairs that occur have a cell. */
export interface Confusion {
  /** Each example's cell. */
  readonly cell: Int32Array;
  /** Index of the true and of the predicted class of each cell. */
  readonly label: Int32Array;
  readonly prediction: Int32Array;
}

const known = new WeakMap<Predictions, Confusion>();

/** The predictions' confusion, the same object each time: metrics that share it are resampled together. */
export function confusionOf(predictions: Predictions): Confusion {
  const confusion = known.get(predictions) ?? counted(predictions);
  known.set(predictions, confusion);
  return confusion;
}

function counted({ size, label, prediction, classes }: Predictions): Confusion {
  if (!prediction) throw new Error('a confusion needs predictions');
  const cells = new Map<number, number>();
  const cell = new Int32Array(size);
  for (let i = 0; i < size; i++) {
    const pair = (label[i] as number) * classes.length + (prediction[i] as number);
    const at = cells.get(pair) ?? cells.size;
    cells.set(pair, at);
    cell[i] = at;
  }
  const pairs = [...cells.keys()];
  return {
    cell,
    label: Int32Array.from(pairs, (pair) => Math.floor(pair / classes.length)),
    prediction: Int32Array.from(pairs, (pair) => pair % classes.length),
  };
}

/** How the weight of a sample is spread over the classes. */
export interface Tally {
  readonly total: number;
  readonly right: number;
  /** Of each class: rightly predicted, predicted, and true. */
  readonly hits: Float64Array;
  readonly predicted: Float64Array;
  readonly support: Float64Array;
}

/** A metric as a function of the tally. */
export function ofTally(predictions: Predictions, value: (tally: Tally) => number): Sums {
  const confusion = confusionOf(predictions);
  const classes = predictions.classes.length;
  return {
    kind: 'sums',
    columns: [weights(predictions)],
    cell: confusion.cell,
    cells: confusion.label.length,
    value: (totals) => value(tally(confusion, totals, classes)),
  };
}

function tally({ label, prediction }: Confusion, totals: ArrayLike<number>, classes: number): Tally {
  const [hits, predicted, support] = [
    new Float64Array(classes),
    new Float64Array(classes),
    new Float64Array(classes),
  ];
  let [total, right] = [0, 0];
  for (let cell = 0; cell < label.length; cell++) {
    const [weight, truth, guess] = [
      totals[cell] as number,
      label[cell] as number,
      prediction[cell] as number,
    ];
    total += weight;
    support[truth] = (support[truth] as number) + weight;
    predicted[guess] = (predicted[guess] as number) + weight;
    if (truth !== guess) continue;
    right += weight;
    hits[truth] = (hits[truth] as number) + weight;
  }
  return { total, right, hits, predicted, support };
}
