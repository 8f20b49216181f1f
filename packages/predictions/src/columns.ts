import { nearest, UserError } from '@mlops/core';
import type { Task } from '@mlops/stats';

/** Which columns hold what; those that are not given are found by their usual names. */
export interface Columns {
  id?: string | undefined;
  label?: string | undefined;
  prediction?: string | undefined;
  /** One column; or one for each class, named `score_<class>` in a list or mapped from the class. */
  score?: string | string[] | Record<string, string> | undefined;
  weight?: string | undefined;
  query?: string | undefined;
  latency?: string | undefined;
  slices?: string[] | undefined;
  /** The positive class of a binary task. */
  positive?: string | undefined;
  task?: Task | undefined;
}

/** The columns of one table that are used. */
export interface Found {
  readonly id: string | undefined;
  readonly label: string;
  readonly prediction: string | undefined;
  /** The one column of scores, or undefined. */
  readonly score: string | undefined;
  /** A column of scores for each class, or empty. */
  readonly classScores: ReadonlyMap<string, string>;
  readonly weight: string | undefined;
  readonly query: string | undefined;
  readonly latency: string | undefined;
  readonly slices: readonly string[];
}

const usual = {
  id: ['id', 'example_id', 'index'],
  label: ['label', 'y_true', 'target', 'truth'],
  prediction: ['prediction', 'pred', 'y_pred', 'predicted'],
  score: ['score', 'probability', 'proba', 'y_score', 'y_prob'],
  weight: ['weight', 'sample_weight'],
  query: ['query', 'query_id', 'qid'],
  latency: ['latency', 'latency_seconds', 'latency_ms'],
};
const classScore = /^(?:score|probability|proba)_(.+)$/;

/** Finds the columns among `names`; a name that was given and is not there, and no label or prediction, are UserErrors. */
export function findColumns(names: readonly string[], columns: Columns, file: string): Found {
  const known = (name: string) => {
    if (names.includes(name)) return name;
    const near = nearest(name, names);
    throw new UserError(`there is no column '${name}'`, {
      file,
      advice: `The columns are ${names.join(', ')}.${near ? ` Did you mean '${near}'?` : ''}`,
    });
  };
  const one = (role: keyof typeof usual) => {
    const given = columns[role];
    return typeof given === 'string' ? known(given) : usual[role].find((name) => names.includes(name));
  };
  const label = one('label');
  if (label === undefined)
    throw new UserError('no column holds the labels', {
      file,
      advice: `The columns are ${names.join(', ')}. Name the one with the true value, or call it 'label'.`,
    });
  const score = columns.score === undefined || typeof columns.score === 'string' ? one('score') : undefined;
  const classScores =
    score === undefined ? scoresByClass(names, columns.score, known) : new Map<string, string>();
  const prediction = one('prediction');
  if (prediction === undefined && score === undefined && !classScores.size)
    throw new UserError('no column holds predictions or scores', {
      file,
      advice: `The columns are ${names.join(', ')}. Name one, or call it 'prediction' or 'score'.`,
    });
  return {
    id: one('id'),
    label,
    prediction,
    score,
    classScores,
    weight: one('weight'),
    query: one('query'),
    latency: one('latency'),
    slices: (columns.slices ?? []).map(known),
  };
}

function scoresByClass(
  names: readonly string[],
  given: Columns['score'],
  known: (name: string) => string,
): Map<string, string> {
  if (given !== undefined && !Array.isArray(given) && typeof given === 'object')
    return new Map(Object.entries(given).map(([name, column]) => [name, known(column)]));
  const columns = Array.isArray(given) ? given.map(known) : names.filter((name) => classScore.test(name));
  return new Map(columns.map((column) => [classScore.exec(column)?.[1] ?? column, column]));
}
