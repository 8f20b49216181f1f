import { ascending } from '../order.ts';
import type { Auc, AveragePrecision, Proportion, Statistic, Sums } from '../statistic.ts';
import { type DrawOptions, draw } from './draw.ts';
import { sizeOf, sumsOf } from './jackknife.ts';
import type { Walk } from './kernel.ts';

/** Examples of more kinds than this are counted one by one. */
const mostKinds = 4096;

/** The values of statistics of the same examples on many resamples: all of them on the same ones. */
export async function replicates(
  statistics: readonly Statistic[],
  { seed, ...options }: DrawOptions & { seed: number },
): Promise<Float64Array[]> {
  const plan = new Plan(statistics);
  const drawn = await draw({ seed, ...plan.draws() }, options);
  return statistics.map((statistic) => {
    const read = plan.reader(statistic);
    return Float64Array.from({ length: options.resamples }, (_, row) => read(drawn, row));
  });
}

type Drawn = Awaited<ReturnType<typeof draw>>;
type Read = (drawn: Drawn, row: number) => number;

/** Finds the cheapest way to resample each statistic, and reads its values out of what was drawn. */
class Plan {
  readonly #size: number;
  /** Columns that are summed as they are; one that is the same everywhere is a multiple of the examples. */
  readonly #columns: Float64Array[] = [];
  /** What tells kinds of examples apart. */
  readonly #traits: ArrayLike<number>[] = [];
  readonly #walks: Walk[] = [];
  readonly #readers = new Map<Statistic, Read>();
  #kinds: { counts: Float64Array; first: Int32Array } | undefined;

  constructor(statistics: readonly Statistic[]) {
    this.#size = statistics[0] ? sizeOf(statistics[0]) : 0;
    for (const statistic of statistics) this.#collect(statistic);
    this.#kinds = this.#traits.length ? kindsOf(this.#traits, this.#size) : undefined;
    for (const statistic of new Set(statistics)) this.#readers.set(statistic, this.#readerOf(statistic));
  }

  draws() {
    const width = this.#columns.length;
    const values = new Float64Array(this.#size * width);
    for (const [c, column] of this.#columns.entries())
      for (let i = 0; i < this.#size; i++) values[i * width + c] = column[i] as number;
    return {
      size: this.#size,
      blocks: width ? { width, values } : undefined,
      kinds: this.#kinds?.counts,
      walks: this.#walks,
    };
  }

  reader(statistic: Statistic): Read {
    return this.#readers.get(statistic) as Read;
  }

  #collect(statistic: Statistic): void {
    if (statistic.kind === 'proportion') this.#traits.push(...traitsOf(statistic));
    else if (statistic.kind === 'sums' && isCounted(statistic)) this.#traits.push(...traitsOf(statistic));
    else if (statistic.kind === 'sums' && !statistic.cell)
      for (const column of statistic.columns)
        if (!isConstant(column) && !this.#columns.includes(column)) this.#columns.push(column);
  }

  #readerOf(statistic: Statistic): Read {
    switch (statistic.kind) {
      case 'proportion':
      case 'sums':
        return this.#sums(statistic.kind === 'sums' ? statistic : sumsOf(statistic));
      case 'mean': {
        const parts = statistic.of.map((one) => this.#walk(rankedWalk(one)));
        return (drawn, row) =>
          parts.reduce((sum, read, i) => sum + read(drawn, row) * (statistic.weights[i] as number), 0);
      }
      case 'quantile':
        return this.#walk({ ...statistic, order: ascending(statistic.values) });
      default:
        return this.#walk(rankedWalk(statistic));
    }
  }

  #sums(statistic: Sums): Read {
    const width = statistic.columns.length;
    const totals = new Float64Array(statistic.cells * width);
    if (isCounted(statistic) && this.#kinds) {
      const { counts, first } = this.#kinds;
      return ({ kinds }, row) => {
        totals.fill(0);
        for (let kind = 0; kind < counts.length; kind++) {
          const example = first[kind] as number;
          const cell = statistic.cell ? (statistic.cell[example] as number) : 0;
          const times = kinds[row * counts.length + kind] as number;
          for (let c = 0; c < width; c++) {
            const at = cell * width + c;
            totals[at] = (totals[at] as number) + times * (statistic.columns[c]?.[example] as number);
          }
        }
        return statistic.value(totals);
      };
    }
    if (!statistic.cell) {
      const all = this.#columns.length;
      const places = statistic.columns.map((column) => this.#columns.indexOf(column));
      const constants = statistic.columns.map((column) => (column[0] as number) * this.#size);
      return ({ blocks }, row) => {
        for (let c = 0; c < width; c++) {
          const place = places[c] as number;
          totals[c] = place < 0 ? (constants[c] as number) : (blocks[row * all + place] as number);
        }
        return statistic.value(totals);
      };
    }
    const { cell, cells, columns } = statistic;
    const at = this.#walks.push({ kind: 'cells', cell, cells, columns }) - 1;
    const length = cells * width;
    return ({ walks }, row) =>
      statistic.value((walks[at] as Float64Array).subarray(row * length, (row + 1) * length));
  }

  #walk(walk: Walk): Read {
    const at = this.#walks.push(walk) - 1;
    return ({ walks }, row) => walks[at]?.[row] as number;
  }
}

function rankedWalk({ kind, score, positive, weight }: Auc | AveragePrecision): Walk {
  const order = ascending(score);
  const at = (i: number) => order[i] as number;
  return {
    ...{ kind, order },
    positive: Uint8Array.from(order, (example) => positive[example] as number),
    ends: Uint8Array.from(order, (example, i) =>
      Number(i + 1 === order.length || score[example] !== score[at(i + 1)]),
    ),
    weight: weight && Float64Array.from(order, (example) => weight[example] as number),
  };
}

const counted = new WeakMap<Sums, boolean>();

/** Whether few kinds of examples are all that there is: each column says one of few things. */
function isCounted(statistic: Sums): boolean {
  const known = counted.get(statistic) ?? statistic.columns.every(hasFewValues);
  counted.set(statistic, known);
  return known;
}

function hasFewValues(column: Float64Array): boolean {
  const seen = new Set<number>();
  for (const value of column) if (seen.add(value).size > 8) return false;
  return true;
}

function isConstant(column: Float64Array): boolean {
  return column.every((value) => value === column[0]);
}

function traitsOf(statistic: Proportion | Sums): ArrayLike<number>[] {
  if (statistic.kind === 'proportion')
    return statistic.member ? [statistic.success, statistic.member] : [statistic.success];
  const columns = statistic.columns.filter((column) => !isConstant(column));
  return statistic.cell ? [statistic.cell, ...columns] : columns;
}

/** Examples that agree in all traits are of a kind; undefined when there are too many kinds. */
function kindsOf(
  traits: readonly ArrayLike<number>[],
  size: number,
): { counts: Float64Array; first: Int32Array } | undefined {
  let kinds = new Int32Array(size);
  let count = 1;
  for (const trait of new Set(traits)) {
    const numbers = new Map<string, number>();
    const next = new Int32Array(size);
    for (let i = 0; i < size; i++) {
      const key = `${kinds[i]} ${trait[i]}`;
      const number = numbers.get(key) ?? numbers.size;
      if (number === numbers.size) numbers.set(key, number);
      next[i] = number;
    }
    kinds = next;
    count = numbers.size;
    if (count > mostKinds) return undefined;
  }
  const [counts, first] = [new Float64Array(count), new Int32Array(count).fill(-1)];
  for (let i = 0; i < size; i++) {
    const kind = kinds[i] as number;
    counts[kind] = (counts[kind] as number) + 1;
    if (first[kind] === -1) first[kind] = i;
  }
  return { counts, first };
}
