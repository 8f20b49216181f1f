import { createHash } from 'node:crypto';
import { UserError } from '@mlops/core';
import type { PredictionsRecord } from '@mlops/core/record';
import type { Predictions, Task } from '@mlops/stats';
import type { Columns, Found } from './columns.ts';

export interface Example {
  readonly id: string | undefined;
  readonly label: unknown;
  readonly prediction: unknown;
  /** One score, a list in the order of the classes, or a mapping from the class. */
  readonly score: unknown;
  readonly weight: unknown;
  readonly query: string | undefined;
  readonly latency: unknown;
  readonly slices: readonly string[];
  readonly file: string;
  readonly line: number;
}

export interface Slice {
  readonly values: readonly string[];
  /** Of each example, the index of its value. */
  readonly index: Int32Array;
}

export interface PredictionTable {
  readonly predictions: Predictions;
  /** Undefined where examples are paired by position. */
  readonly ids: readonly string[] | undefined;
  readonly slices: ReadonlyMap<string, Slice>;
  readonly record: PredictionsRecord;
  /** The first few ids that an earlier example has. */
  readonly duplicates: readonly string[];
}

/** Puts examples into typed columns and finds the task and its classes; the first of examples with one id counts. */
export function tableOf(
  all: readonly Example[],
  found: Found,
  columns: Columns,
  files: PredictionsRecord['files'],
): PredictionTable {
  const { examples, duplicates } = withoutDuplicates(all);
  const task = columns.task ?? taskOf(examples, found);
  const isClass = task === 'binary' || task === 'multiclass';
  const classes = isClass ? classesOf(examples, task) : [];
  const positive = task === 'binary' ? positiveOf(classes, columns.positive, examples[0]) : undefined;
  const value = isClass ? indexIn(classes) : number;
  const score = scoresOf(examples, task, classes, positive);
  const column = (of: (one: Example) => number) => Float64Array.from(examples, of);
  const prediction = found.prediction
    ? column((one) => value(one.prediction, found.prediction ?? '', one))
    : isClass && score
      ? chosen(score, examples.length, classes.length, positive)
      : undefined;
  const perSecond = found.latency?.endsWith('_ms') ? 1000 : 1;
  const predictions: Predictions = {
    task,
    size: examples.length,
    classes,
    positive,
    label: column((one) => value(one.label, found.label, one)),
    prediction,
    score,
    weight: found.weight ? column((one) => notNegative(one.weight, found.weight ?? '', one)) : undefined,
    query: task === 'ranking' ? queries(examples) : undefined,
    latency: found.latency
      ? column((one) => notNegative(one.latency, found.latency ?? '', one) / perSecond)
      : undefined,
  };
  const ids = found.id ? examples.map((one) => one.id ?? '') : undefined;
  const texts = found.slices.map(
    (name, i) => [name, sliceOf(examples.map((one) => one.slices[i] ?? ''))] as const,
  );
  return {
    predictions,
    ids,
    slices: new Map(texts),
    duplicates: duplicates.slice(0, 5),
    record: { files, examples: examples.length, duplicates: duplicates.length, ...digests(predictions, ids) },
  };
}

function withoutDuplicates(all: readonly Example[]): { examples: readonly Example[]; duplicates: string[] } {
  const seen = new Set<string>();
  const duplicates: string[] = [];
  const examples = all.filter(({ id }) => {
    if (id === undefined) return true;
    if (!seen.has(id)) return seen.add(id);
    duplicates.push(id);
    return false;
  });
  return { examples, duplicates };
}

function taskOf(examples: readonly Example[], found: Found): Task {
  if (found.query) return 'ranking';
  const labels = new Set(examples.map((one) => className(one.label)));
  const first = examples[0];
  const perClass = found.classScores.size || typeof (first && scoreOf(first)) === 'object';
  const numbers = [...labels].every((name) => Number.isFinite(Number(name)));
  if (perClass) return (found.classScores.size || labels.size) <= 2 ? 'binary' : 'multiclass';
  if (!numbers) return labels.size <= 2 ? 'binary' : 'multiclass';
  const whole = (names: Iterable<string>) => [...names].every((name) => Number.isInteger(Number(name)));
  const fractions = found.prediction && !whole(new Set(examples.map((one) => className(one.prediction))));
  if (whole(labels) && labels.size <= 2 && !fractions) return 'binary';
  if (!whole(labels) || (labels.size > 20 && !found.score) || (labels.size > 2 && fractions))
    return 'regression';
  throw new UserError(
    `the labels are ${labels.size} whole numbers, which may be classes or values, so the task is open`,
    { file: examples[0]?.file, advice: 'Say so with `task`: binary, multiclass, regression or ranking.' },
  );
}

/** A class as it is compared: `1.0` is `1`, `True` is `true`. */
function className(value: unknown): string {
  const text = String(value).trim();
  if (/^-?\d+\.0+$/.test(text)) return text.replace(/\.0+$/, '');
  return /^(true|false)$/i.test(text) ? text.toLowerCase() : text;
}

function classesOf(examples: readonly Example[], task: Task): string[] {
  const names = new Set<string>();
  const first = examples[0];
  for (const one of examples) {
    names.add(className(one.label));
    if (one.prediction !== undefined) names.add(className(one.prediction));
    const score = scoreOf(one);
    if (isMapping(score)) for (const name of Object.keys(score)) names.add(className(name));
  }
  const list = first && scoreOf(first);
  const width = Array.isArray(list) ? list.length : 0;
  const digits = [...names].every((name) => /^\d+$/.test(name));
  if (digits) for (let i = 0; i < width; i++) names.add(String(i));
  const [only = ''] = names;
  const other: Record<string, string> = { 0: '1', 1: '0', true: 'false', false: 'true' };
  if (task === 'binary' && names.size === 1 && other[only] !== undefined) names.add(other[only]);
  if (task === 'binary' && names.size > 2)
    throw new UserError(
      `a binary task has two classes, but here are ${names.size}: ${[...names].slice(0, 10).join(', ')}`,
      {
        file: first?.file,
        advice: 'Set `task: multiclass`, or mend the labels and predictions.',
      },
    );
  return sortedClasses(names);
}

/** Numbers by value, other names by code unit. */
export function sortedClasses(names: Iterable<string>): string[] {
  const all = [...names];
  return all.every((name) => name !== '' && Number.isFinite(Number(name)))
    ? all.sort((a, b) => Number(a) - Number(b))
    : all.sort();
}

function positiveOf(
  classes: readonly string[],
  told: string | undefined,
  first: Example | undefined,
): number {
  const names = told === undefined ? ['1', 'true', 'yes', 'positive', 'pos'] : [className(told)];
  const found = classes.findIndex((name) => names.includes(told === undefined ? name.toLowerCase() : name));
  if (found >= 0) return found;
  throw new UserError(
    told === undefined ? 'which class is the positive one is open' : `there is no class '${told}'`,
    { file: first?.file, advice: `Set \`positive\` to one of the classes: ${classes.join(', ')}.` },
  );
}

function indexIn(classes: readonly string[]) {
  const index = new Map(classes.map((name, i) => [name, i]));
  return (value: unknown, column: string, one: Example) => {
    const name = className(value);
    const found = /^[-+]?(nan|inf|infinity)$/i.test(name) ? undefined : index.get(name);
    if (found === undefined) throw bad(column, value, 'a class', one);
    return found;
  };
}

function number(value: unknown, column: string, one: Example): number {
  const found = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
  if (typeof value === 'object' || !Number.isFinite(found)) throw bad(column, value, 'a finite number', one);
  return found;
}

function notNegative(value: unknown, column: string, one: Example): number {
  const found = number(value, column, one);
  if (found < 0) throw bad(column, value, 'at least 0', one);
  return found;
}

function bad(column: string, value: unknown, wanted: string, { file, line }: Example): UserError {
  const shown = typeof value === 'string' ? value : JSON.stringify(value);
  return new UserError(`'${column}' must be ${wanted}, but here it is '${shown}'`, { file, line });
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function scoresOf(
  examples: readonly Example[],
  task: Task,
  classes: readonly string[],
  positive: number | undefined,
): Float64Array | undefined {
  if (examples[0]?.score === undefined) return undefined;
  if (task !== 'multiclass' && task !== 'binary')
    return task === 'ranking'
      ? Float64Array.from(examples, (one) => number(one.score, 'score', one))
      : undefined;
  const width = task === 'binary' ? 1 : classes.length;
  const scores = new Float64Array(examples.length * width);
  for (const [i, one] of examples.entries()) {
    const row = scoreOf(one);
    if (!isMapping(row) && !Array.isArray(row)) {
      if (task === 'multiclass') throw bad('score', row, `${classes.length} scores, one for each class`, one);
      scores[i] = number(row, 'score', one);
      continue;
    }
    const byClass = Array.isArray(row) ? row : perClass(row, classes, one);
    if (byClass.length !== classes.length)
      throw bad('score', row, `${classes.length} scores, one for each class`, one);
    if (positive !== undefined) scores[i] = number(byClass[positive], 'score', one);
    else for (let k = 0; k < width; k++) scores[i * width + k] = number(byClass[k], 'score', one);
  }
  return scores;
}

function perClass(row: Record<string, unknown>, classes: readonly string[], one: Example): unknown[] {
  const named = new Map(Object.entries(row).map(([name, score]) => [className(name), score]));
  const without = classes.find((name) => !named.has(name));
  if (without !== undefined)
    throw new UserError(`the class '${without}' has no score`, { file: one.file, line: one.line });
  return classes.map((name) => named.get(name));
}

/** A cell of CSV may hold the scores of all classes as JSON. */
function scoreOf(one: Example): unknown {
  return typeof one.score === 'string' && /^\s*[[{]/.test(one.score) ? listIn(one.score, one) : one.score;
}

function listIn(text: string, one: Example): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw bad('score', text, 'a number or a JSON list of numbers', one);
  }
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

function queries(examples: readonly Example[]): Int32Array {
  const first = examples[0];
  if (first && first.query === undefined)
    throw new UserError('a ranking task needs a column of queries', {
      file: first.file,
      advice: "Name it with `query`, or call it 'query_id'.",
    });
  return sliceOf(examples.map((one) => one.query ?? '')).index;
}

export function sliceOf(texts: readonly string[]): Slice {
  const numbers = new Map<string, number>();
  const index = Int32Array.from(texts, (text) => {
    const known = numbers.get(text) ?? numbers.size;
    numbers.set(text, known);
    return known;
  });
  return { values: [...numbers.keys()], index };
}

/** Digests that are the same for every format and, with ids, for every order of the examples. */
export function digests(
  p: Predictions,
  ids: readonly string[] | undefined,
): { digest: string; testSet: string } {
  const order = Array.from({ length: p.size }, (_, i) => i);
  if (ids) order.sort((a, b) => ((ids[a] ?? '') < (ids[b] ?? '') ? -1 : 1));
  const all = createHash('sha256').update(
    JSON.stringify([p.task, p.positive === undefined ? null : p.classes[p.positive]]),
  );
  const test = createHash('sha256');
  const width = p.score ? p.score.length / p.size : 0;
  const value = (number: number | undefined) => (number === undefined ? null : (p.classes[number] ?? number));
  for (const i of order) {
    const known = `${JSON.stringify([ids?.[i] ?? null, value(p.label[i])])}\n`;
    test.update(known);
    const scores = p.score ? [...p.score.subarray(i * width, (i + 1) * width)] : [];
    all.update(known).update(`${JSON.stringify([value(p.prediction?.[i]), scores])}\n`);
  }
  return { digest: `sha256:${all.digest('hex')}`, testSet: `sha256:${test.digest('hex')}` };
}
