import { UserError } from '@mlops/core';
import type { Predictions } from '@mlops/stats';
import { type PredictionTable, type Slice, sortedClasses } from './table.ts';

/** What two models said of the same examples, in the candidate's order, with the candidate's labels. */
export interface Pair {
  readonly candidate: Predictions;
  readonly baseline: Predictions;
  readonly slices: ReadonlyMap<string, Slice>;
  readonly rows: number;
  readonly unpaired: { candidate: number; baseline: number; examples: string[] };
  readonly differentLabels: number;
  readonly sameTestSet: boolean;
  /** Every paired prediction and score is equal. */
  readonly samePredictions: boolean;
}

/** Pairs by id, or by position where neither has ids; unlike tasks, ids or positive classes are UserErrors. */
export function pairUp(candidate: PredictionTable, baseline: PredictionTable): Pair {
  const [a, b] = [candidate.predictions, baseline.predictions];
  if (a.task !== b.task)
    throw new UserError(`the candidate's task is ${a.task}, but the baseline's is ${b.task}`);
  const positives = [a, b].map((one) => (one.positive === undefined ? '' : one.classes[one.positive]));
  if (positives[0] !== positives[1])
    throw new UserError(`the positive class is '${positives[0]}', but the baseline's is '${positives[1]}'`);
  const { left, right, unpaired } = paired(candidate, baseline);
  const classes = sortedClasses(new Set([...a.classes, ...b.classes]));
  const one = select(a, left, classes);
  const other = select(b, right, classes);
  let differentLabels = 0;
  for (const [i, label] of one.label.entries()) if (label !== other.label[i]) differentLabels++;
  return {
    candidate: one,
    baseline: { ...other, label: one.label, query: one.query },
    slices: new Map(
      [...candidate.slices].map(([name, { values, index }]) => [
        name,
        { values, index: left.map((i) => index[i] ?? 0) },
      ]),
    ),
    rows: left.length,
    unpaired,
    differentLabels,
    sameTestSet: candidate.record.testSet === baseline.record.testSet,
    samePredictions: equal(one.prediction, other.prediction) && equal(one.score, other.score),
  };
}

function paired(candidate: PredictionTable, baseline: PredictionTable) {
  const { ids } = candidate;
  if (Boolean(ids) !== Boolean(baseline.ids))
    throw new UserError(`only the ${ids ? 'candidate' : 'baseline'} has ids, so examples cannot be paired`, {
      advice: 'Write the same column of ids for both.',
    });
  const [rows, others] = [candidate.predictions.size, baseline.predictions.size];
  if (!ids || !baseline.ids) {
    if (rows !== others)
      throw new UserError(
        `the candidate has ${rows} examples and the baseline ${others}, and neither has ids`,
        {
          advice: "Write a column 'id', so that the examples both have can be compared.",
        },
      );
    const all = Int32Array.from({ length: rows }, (_, i) => i);
    return { left: all, right: all, unpaired: { candidate: 0, baseline: 0, examples: [] } };
  }
  const place = new Map(baseline.ids.map((id, i) => [id, i]));
  const left: number[] = [];
  const right: number[] = [];
  const examples: string[] = [];
  for (const [i, id] of ids.entries()) {
    const there = place.get(id);
    if (there === undefined) {
      if (examples.length < 5) examples.push(id);
      continue;
    }
    left.push(i);
    right.push(there);
    place.delete(id);
  }
  for (const id of place.keys()) if (examples.length < 5) examples.push(id);
  if (!left.length)
    throw new UserError('no example of the candidate has an id that one of the baseline has', {
      advice: `The first ids are '${ids[0]}' and '${baseline.ids[0]}'.`,
    });
  return {
    left: Int32Array.from(left),
    right: Int32Array.from(right),
    unpaired: { candidate: rows - left.length, baseline: others - left.length, examples },
  };
}

/** The examples at `rows`, with classes counted in `classes`; a class that the model does not know scores 0. */
function select(p: Predictions, rows: Int32Array, classes: readonly string[]): Predictions {
  const to = p.classes.map((name) => classes.indexOf(name));
  const value = (number: number) => (p.classes.length ? (to[number] ?? number) : number);
  const numbers = (from: Float64Array | undefined) =>
    from && Float64Array.from(rows, (i) => from[i] ?? Number.NaN);
  const wide = p.task === 'multiclass' ? classes.length : 1;
  const narrow = p.task === 'multiclass' ? p.classes.length : 1;
  const score = p.score && new Float64Array(rows.length * wide);
  if (score)
    for (const [i, row] of rows.entries())
      for (let k = 0; k < narrow; k++)
        score[i * wide + (wide === 1 ? 0 : (to[k] ?? 0))] = p.score?.[row * narrow + k] ?? Number.NaN;
  return {
    task: p.task,
    size: rows.length,
    classes,
    positive: p.positive === undefined ? undefined : to[p.positive],
    label: Float64Array.from(rows, (i) => value(p.label[i] ?? Number.NaN)),
    prediction: numbers(p.prediction)?.map(value),
    score,
    weight: numbers(p.weight),
    query: p.query && rows.map((i) => p.query?.[i] ?? 0),
    latency: numbers(p.latency),
  };
}

function equal(a: Float64Array | undefined, b: Float64Array | undefined): boolean {
  return a === undefined || b === undefined
    ? a === b
    : a.length === b.length && a.every((one, i) => one === b[i]);
}
