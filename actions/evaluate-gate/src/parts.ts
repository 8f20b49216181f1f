import { UserError } from '@mlops/core';
import type { PredictionTable, pairUp } from '@mlops/predictions';
import { examplesAt, type Predictions } from '@mlops/stats';
import type { SliceRule } from './rules.ts';

export type Pair = ReturnType<typeof pairUp>;

/** Examples that a number is of, all or those of a slice: of the candidate alone, and as both models have them. */
export interface Part {
  alone: Population;
  /** Undefined without predictions of a baseline. */
  paired: (Population & { baseline: Predictions }) | undefined;
}

export interface Population {
  candidate: Predictions;
  /** Undefined unless resamples are to be stratified. */
  strata: Int32Array | undefined;
}

export interface Slice extends Part {
  column: string;
  value: string;
  /** Examples of the candidate. */
  examples: number;
  /** Whether a rule names it, so that it must be there and be judged. */
  isNamed: boolean;
}

/** More values than these are no slices, but a number that nobody made bins of. */
const mostValues = 1000;

/** All examples. */
export function wholePart(
  { predictions, slices }: PredictionTable,
  pair: Pair | undefined,
  stratify: string | undefined,
): Part {
  return {
    alone: { candidate: predictions, strata: strataOf(predictions, slices, stratify) },
    paired: pair && {
      ...{ candidate: pair.candidate, baseline: pair.baseline },
      strata: strataOf(pair.candidate, pair.slices, stratify),
    },
  };
}

function strataOf(
  { task, label }: Predictions,
  slices: PredictionTable['slices'],
  stratify: string | undefined,
): Int32Array | undefined {
  if (stratify === undefined) return undefined;
  const problem = (why: string) =>
    new UserError(`the input 'stratify' is '${stratify}', but ${why}`, {
      advice: "Name a column with few values, or 'label' for one that predicts classes.",
    });
  if (task === 'ranking') throw problem('the examples of a ranking are its queries, which have no strata');
  if (stratify !== 'label') return slices.get(stratify)?.index;
  if (task === 'regression') throw problem('the labels are numbers, which make no strata');
  return Int32Array.from(label);
}

/** Finds the slices of columns once, whichever rules ask for them. */
export class Slices {
  readonly #table: PredictionTable;
  readonly #pair: Pair | undefined;
  readonly #whole: Part;
  readonly #columns = new Map<string, Map<string, Omit<Slice, 'isNamed'>>>();

  constructor(table: PredictionTable, pair: Pair | undefined, whole: Part) {
    this.#table = table;
    this.#pair = pair;
    this.#whole = whole;
  }

  /** By column in the order that a rule names them; those that it names, be they empty, and all where it names none. */
  of({ columns, values }: SliceRule): Slice[] {
    return columns.flatMap((column): Slice[] => {
      const found = this.#slicesOf(column);
      if (!Object.hasOwn(values, column))
        return [...found.values()].map((slice) => ({ ...slice, isNamed: false }));
      return (values[column] ?? []).map((value) => ({
        ...(found.get(value) ?? this.#slice(column, value, new Int32Array(), new Int32Array())),
        isNamed: true,
      }));
    });
  }

  #slicesOf(column: string): Map<string, Omit<Slice, 'isNamed'>> {
    const known = this.#columns.get(column);
    if (known) return known;
    const own = this.#table.slices.get(column);
    if (!own) throw new UserError(`the predictions have no column '${column}'`);
    if (own.values.length > mostValues)
      throw new UserError(
        `the column '${column}' has ${own.values.length} values, too many for slices (at most ${mostValues})`,
        { advice: 'Write a column with bins, such as small, medium and large.' },
      );
    const alone = rowsByValue(own);
    const shared = this.#pair?.slices.get(column);
    const paired = shared && rowsByValue(shared);
    const slices = new Map(
      [...alone]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([value, rows]) => [
          value,
          this.#slice(column, value, rows, paired?.get(value) ?? new Int32Array()),
        ]),
    );
    this.#columns.set(column, slices);
    return slices;
  }

  #slice(column: string, value: string, rows: Int32Array, pairs: Int32Array): Omit<Slice, 'isNamed'> {
    const { alone, paired } = this.#whole;
    return {
      ...{ column, value, examples: rows.length, alone: at(alone, rows) },
      paired: paired && { ...at(paired, pairs), baseline: examplesAt(paired.baseline, pairs) },
    };
  }
}

function at({ candidate, strata }: Population, rows: Int32Array): Population {
  return {
    candidate: examplesAt(candidate, rows),
    strata: strata && rows.map((row) => strata[row] as number),
  };
}

function rowsByValue({
  values,
  index,
}: {
  values: readonly string[];
  index: Int32Array;
}): Map<string, Int32Array> {
  const counts = new Int32Array(values.length);
  for (const one of index) counts[one] = (counts[one] as number) + 1;
  const rows = values.map((_, i) => new Int32Array(counts[i] as number));
  const filled = new Int32Array(values.length);
  for (const [row, one] of index.entries()) {
    const to = filled[one] as number;
    (rows[one] as Int32Array)[to] = row;
    filled[one] = to + 1;
  }
  return new Map(values.map((value, i) => [value, rows[i] as Int32Array]));
}
