import { UserError } from '@mlops/core';
import type { PredictionsRecord } from '@mlops/core/record';
import type { Predictions, Task } from '@mlops/stats';
import { digests } from './digests.ts';
import type { Examples } from './examples.ts';
import type { Ids } from './ids.ts';
import { classesOf, positiveOf } from './task.ts';
import type { Slice, Texts } from './texts.ts';

export interface PredictionTable {
  readonly predictions: Predictions;
  /** Undefined where examples are paired by position. They are made from `idColumn` whenever they are asked for. */
  readonly ids: readonly string[] | undefined;
  readonly idColumn: Ids | undefined;
  readonly slices: ReadonlyMap<string, Slice>;
  readonly record: PredictionsRecord;
  /** The first few ids that an earlier example has. */
  readonly duplicates: readonly string[];
}

/** The table of examples that were read for a task; what the task does not allow is a UserError. */
export function tableOf(
  examples: Examples,
  task: Task,
  told: string | undefined,
  files: PredictionsRecord['files'],
): PredictionTable {
  const { found, size, label, file, ids } = examples;
  ids?.trim();
  const isClass = isClassification(task);
  const classes = isClass ? classesOf(examples, task) : [];
  const positive = task === 'binary' ? positiveOf(classes, told, file) : undefined;
  const score = scoresOf(examples, classes, positive);
  const prediction = found.prediction
    ? isClass
      ? examples.prediction.toClasses(classes)
      : examples.prediction.toNumbers()
    : isClass && score
      ? chosen(score, size, classes.length, positive)
      : undefined;
  const predictions: Predictions = {
    task,
    size,
    classes,
    positive,
    label: isClass ? label.toClasses(classes) : label.toNumbers(),
    prediction,
    score,
    weight: examples.weight?.toArray(),
    query: task === 'ranking' ? queries(examples) : undefined,
    latency: seconds(examples),
  };
  return {
    predictions,
    get ids() {
      return ids && [...ids];
    },
    idColumn: ids,
    slices: new Map(found.slices.map((name, i) => [name, (examples.slices[i] as Texts).toSlice()])),
    duplicates: examples.duplicates,
    record: { files, examples: size, duplicates: examples.duplicated, ...digests(predictions, ids) },
  };
}

export function isClassification(task: Task): boolean {
  return task === 'binary' || task === 'multiclass';
}

function scoresOf(
  { scores, relevance }: Examples,
  classes: readonly string[],
  positive: number | undefined,
): Float64Array | undefined {
  if (!classes.length) return relevance?.toArray();
  return scores?.first && scores.toArray(classes, positive);
}

/**
 * The class with the highest score; of two, the positive one from 0.5 on. Undefined where scores of two are no
 * probabilities: from which one on is positive is then open.
 */
function chosen(
  score: Float64Array,
  size: number,
  classes: number,
  positive: number | undefined,
): Float64Array | undefined {
  if (positive === undefined)
    return Float64Array.from({ length: size }, (_, i) => {
      const row = score.subarray(i * classes, (i + 1) * classes);
      return row.indexOf(Math.max(...row));
    });
  if (score.some((one) => one < 0 || one > 1)) return undefined;
  return score.map((one) => (one >= 0.5 ? positive : 1 - positive));
}

function queries({ query, file }: Examples): Int32Array {
  if (query) return query.toSlice().index;
  throw new UserError('a ranking task needs a column of queries', {
    file,
    advice: "Name it with `query`, or call it 'query_id'.",
  });
}

function seconds({ found, latency }: Examples): Float64Array | undefined {
  const perSecond = found.latency?.endsWith('_ms') ? 1000 : 1;
  return latency?.toArray().map((one) => one / perSecond);
}
