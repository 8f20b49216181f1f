import { UserError } from '@mlops/core';

export interface Flat {
  /** Dotted name → number; NaN and infinities are kept. */
  numbers: Map<string, number>;
  /** Dotted name → a list of at least two numbers, such as one for each fold. */
  lists: Map<string, number[]>;
  /** Dotted names of what is no number: text and other lists. */
  ignored: string[];
}

/**
 * The numbers among nested values, by dotted name. Booleans count as 0 and 1. `null` counts as NaN, as which pandas and
 * JavaScript write it: so a gate sees a metric that failed instead of none. So do the spellings 'NaN' and 'Infinity'.
 */
export function flatten(root: Readonly<Record<string, unknown>>, file: string): Flat {
  const flat: Flat = { numbers: new Map(), lists: new Map(), ignored: [] };
  const add = (value: unknown, name: string) => {
    if (value && typeof value === 'object' && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) add(inner, name ? `${name}.${key}` : key);
      return;
    }
    const number = Array.isArray(value) ? listIn(value) : numberIn(value);
    if (number === undefined) flat.ignored.push(name);
    else if (flat.numbers.has(name) || flat.lists.has(name))
      throw new UserError(`two metrics are called '${name}': one by nesting, one by a name with dots`, {
        file,
        advice: 'Rename one of them.',
      });
    else if (Array.isArray(number)) flat.lists.set(name, number);
    else flat.numbers.set(name, number);
  };
  add(root, '');
  return flat;
}

/** More values than these are no folds, but data. */
const mostValues = 1000;

function listIn(values: readonly unknown[]): number[] | undefined {
  if (values.length < 2 || values.length > mostValues) return undefined;
  const numbers = values.map(numberIn).filter((one) => one !== undefined);
  return numbers.length === values.length ? numbers : undefined;
}

function numberIn(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return Number(value);
  if (typeof value === 'bigint') return Number(value);
  if (value === null || value === undefined) return Number.NaN;
  return typeof value === 'string' ? specialNumber(value) : undefined;
}

/** NaN and the infinities as Python, pandas, YAML and JavaScript spell them. */
export function specialNumber(text: string): number | undefined {
  const [, sign, word] = /^([-+]?)\.?(nan|inf|infinity)$/i.exec(text.trim()) ?? [];
  if (!word) return undefined;
  return word.toLowerCase() === 'nan'
    ? Number.NaN
    : sign === '-'
      ? Number.NEGATIVE_INFINITY
      : Number.POSITIVE_INFINITY;
}
