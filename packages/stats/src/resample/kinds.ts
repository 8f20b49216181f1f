import type { Proportion, Statistic, Sums } from '../statistic.ts';
import { sumsOf } from './sums.ts';

/** Examples that all statistics of a group treat alike are of a kind: a resample is how often each kind was drawn. */
export interface Kinds {
  /** Examples of each kind; the kinds of a stratum are next to each other. */
  readonly counts: Float64Array;
  /** The first example of each kind. */
  readonly first: Int32Array;
}

/** Drawing a kind takes as long as drawing so many examples. */
const costOfKind = 16;
const mostKinds = 4096;
/** A column with more values than this is not looked at any further. */
const mostValues = 64;

/**
 * The kinds of a group's examples, which come stratum by stratum; undefined where there are too many to be of use, or
 * where ranks are asked for.
 */
export function kindsOf(group: readonly Statistic[], strata: readonly number[]): Kinds | undefined {
  if (!group.every((one) => one.kind === 'proportion' || one.kind === 'sums')) return undefined;
  const size = strata.reduce((sum, one) => sum + one, 0);
  const most = Math.min(mostKinds, Math.max(mostValues, size / costOfKind));
  const kinds = stratumOf(strata, size);
  let count = strata.length;
  for (const trait of new Set(group.flatMap(traitsOf))) {
    const values = numbered(trait);
    if (!values) return undefined;
    const pairs = new Map<number, number>();
    for (let i = 0; i < size; i++) {
      const pair = (kinds[i] as number) * values.count + (values.numbers[i] as number);
      const number = pairs.get(pair) ?? pairs.size;
      if (number === pairs.size) {
        if (number >= most) return undefined;
        pairs.set(pair, number);
      }
      kinds[i] = number;
    }
    count = pairs.size;
  }
  const [counts, first] = [new Float64Array(count), new Int32Array(count).fill(-1)];
  for (let i = 0; i < size; i++) {
    const kind = kinds[i] as number;
    counts[kind] = (counts[kind] as number) + 1;
    if (first[kind] === -1) first[kind] = i;
  }
  return { counts, first };
}

/** The totals of a statistic when each kind was drawn so many times. */
export function totalsOfKinds(
  statistic: Proportion | Sums,
  { first }: Kinds,
): (times: Float64Array) => Float64Array {
  const { columns, cell, cells } = sumsOf(statistic);
  const width = columns.length;
  const totals = new Float64Array(cells * width);
  const places = Int32Array.from(first, (example) => (cell ? (cell[example] as number) * width : 0));
  const values = Float64Array.from({ length: first.length * width }, (_, i) => {
    const column = columns[i % width] as Float64Array;
    return column[first[Math.floor(i / width)] as number] as number;
  });
  return (times) => {
    totals.fill(0);
    for (let kind = 0; kind < times.length; kind++)
      for (let c = 0; c < width; c++) {
        const at = (places[kind] as number) + c;
        totals[at] = (totals[at] as number) + (times[kind] as number) * (values[kind * width + c] as number);
      }
    return totals;
  };
}

function stratumOf(strata: readonly number[], size: number): Int32Array {
  const stratum = new Int32Array(size);
  let start = 0;
  for (const [number, length] of strata.entries()) {
    stratum.fill(number, start, start + length);
    start += length;
  }
  return stratum;
}

type Trait = Uint8Array | Int32Array | Float64Array;

/** What tells examples apart. */
function traitsOf(statistic: Proportion | Sums): Trait[] {
  if (statistic.kind === 'sums')
    return statistic.cell ? [statistic.cell, ...statistic.columns] : [...statistic.columns];
  return statistic.member ? [statistic.success, statistic.member] : [statistic.success];
}

const numberings = new WeakMap<object, { numbers: Int32Array; count: number } | 'many'>();

/** The values of a trait as numbers from 0; undefined where it has many. */
function numbered(trait: Trait): { numbers: Int32Array; count: number } | undefined {
  const known = numberings.get(trait);
  if (known) return known === 'many' ? undefined : known;
  const most = trait instanceof Float64Array ? mostValues : mostKinds;
  const values = new Map<number, number>();
  const numbers = new Int32Array(trait.length);
  for (let i = 0; i < trait.length; i++) {
    const value = trait[i] as number;
    const number = values.get(value) ?? values.size;
    if (number === values.size) {
      if (number >= most) {
        numberings.set(trait, 'many');
        return undefined;
      }
      values.set(value, number);
    }
    numbers[i] = number;
  }
  const numbering = { numbers, count: values.size };
  numberings.set(trait, numbering);
  return numbering;
}
