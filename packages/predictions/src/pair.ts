import { UserError } from '@mlops/core';
import type { Predictions } from '@mlops/stats';
import { Growing } from './growing.ts';
import type { PredictionTable } from './table.ts';
import { sortedClasses } from './task.ts';
import type { Slice } from './texts.ts';

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
  const [ids, baselineIds] = [candidate.idColumn, baseline.idColumn];
  if (Boolean(ids) !== Boolean(baselineIds))
    throw new UserError(`only the ${ids ? 'candidate' : 'baseline'} has ids, so examples cannot be paired`, {
      advice: 'Write the same column of ids for both.',
    });
  const [rows, others] = [candidate.predictions.size, baseline.predictions.size];
  if (!ids || !baselineIds) {
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
  const left = new Growing(Int32Array);
  const right = new Growing(Int32Array);
  const examples: string[] = [];
  const taken = new Uint8Array(others);
  for (let i = 0; i < rows; i++) {
    const there = baselineIds.find(ids, i);
    if (there < 0) {
      if (examples.length < 5) examples.push(ids.at(i));
      continue;
    }
    left.push(i);
    right.push(there);
    taken[there] = 1;
  }
  for (let i = 0; i < others && examples.length < 5; i++) if (!taken[i]) examples.push(baselineIds.at(i));
  if (!left.length)
    throw new UserError('no example of the candidate has an id that one of the baseline has', {
      advice: `The first ids are '${ids.at(0)}' and '${baselineIds.at(0)}'.`,
    });
  return {
    left: left.toArray(),
    right: right.toArray(),
    unpaired: { candidate: rows - left.length, baseline: others - left.length, examples },
  };
}

/** The examples at `rows`, with classes counted in `classes`; a class that the model does not know scores 0. */
function select(p: Predictions, rows: Int32Array, classes: readonly string[]): Predictions {
  const to = p.classes.map((name) => classes.indexOf(name));
  const value = (number: number) => (p.classes.length ? (to[number] ?? number) : number);
  const numbers = (from: Float64Array, of: (number: number) => number = (number) => number) => {
    const selected = new Float64Array(rows.length);
    for (let i = 0; i < rows.length; i++) selected[i] = of(from[rows[i] as number] as number);
    return selected;
  };
  const wide = p.task === 'multiclass' ? classes.length : 1;
  const narrow = p.task === 'multiclass' ? p.classes.length : 1;
  const score = p.score && new Float64Array(rows.length * wide);
  if (score && p.score)
    for (let i = 0; i < rows.length; i++)
      for (let k = 0; k < narrow; k++)
        score[i * wide + (wide === 1 ? 0 : (to[k] ?? 0))] = p.score[
          (rows[i] as number) * narrow + k
        ] as number;
  return {
    task: p.task,
    size: rows.length,
    classes,
    positive: p.positive === undefined ? undefined : to[p.positive],
    label: numbers(p.label, value),
    prediction: p.prediction && numbers(p.prediction, value),
    score,
    weight: p.weight && numbers(p.weight),
    query: p.query && rows.map((i) => p.query?.[i] ?? 0),
    latency: p.latency && numbers(p.latency),
  };
}

function equal(a: Float64Array | undefined, b: Float64Array | undefined): boolean {
  return a === undefined || b === undefined
    ? a === b
    : a.length === b.length && a.every((one, i) => one === b[i]);
}
