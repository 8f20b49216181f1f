import { ascending } from '../order.ts';
import type { Auc, AveragePrecision, Proportion, Statistic, Sums } from '../statistic.ts';
import { type DrawOptions, draw } from './draw.ts';
import type { Drawn, Walk } from './kernel.ts';
import { type Kinds, kindsOf, totalsOfKinds } from './kinds.ts';
import { isConstant, sumsOf } from './sums.ts';

/**
 * The values of statistics on many resamples of their examples, which come stratum by stratum. Those of a group are of
 * the very same resamples, so that they can be subtracted; what other groups there are does not change them.
 */
export async function replicates(
  groups: readonly (readonly Statistic[])[],
  strata: readonly number[],
  { seed, ...options }: DrawOptions & { seed: number },
): Promise<Float64Array[][]> {
  const plan = new Plan(strata);
  const readers = groups.map((group) => plan.readers(group));
  const drawn = await draw({ seed, ...plan.draws() }, options);
  return readers.map((group) =>
    group.map((read) => Float64Array.from({ length: options.resamples }, (_, row) => read(drawn, row))),
  );
}

type Read = (drawn: Drawn, row: number) => number;
type OfSums = Proportion | Sums;

/** Finds the cheapest way to resample each group, the same for all of it, and how its values are read from the draws. */
class Plan {
  readonly #strata: readonly number[];
  readonly #size: number;
  readonly #kinds: Kinds[] = [];
  /** Columns that are summed as they are. */
  readonly #columns: Float64Array[] = [];
  readonly #walks: Walk[] = [];
  /** A statistic that several groups have is walked through once. */
  readonly #walked = new Map<Statistic, Read>();

  constructor(strata: readonly number[]) {
    this.#strata = strata;
    this.#size = strata.reduce((sum, size) => sum + size, 0);
  }

  readers(group: readonly Statistic[]): Read[] {
    const kinds = kindsOf(group, this.#strata);
    if (kinds) {
      const place = this.#kinds.push(kinds) - 1;
      return (group as OfSums[]).map((statistic) => readKinds(statistic, kinds, place));
    }
    return group.every(isPlainSum)
      ? group.map((statistic) => this.#readColumns(sumsOf(statistic)))
      : group.map((statistic) => this.#readWalk(statistic));
  }

  draws() {
    const width = this.#columns.length;
    const values = new Float64Array(this.#size * width);
    for (const [c, column] of this.#columns.entries())
      for (let i = 0; i < this.#size; i++) values[i * width + c] = column[i] as number;
    return {
      strata: this.#strata,
      blocks: width ? { width, values } : undefined,
      kinds: this.#kinds.map(({ counts }) => counts),
      walks: this.#walks,
    };
  }

  #readColumns({ columns, value }: Sums): Read {
    const constants = columns.map((column) => (isConstant(column) ? (column[0] as number) * this.#size : 0));
    const places = columns.map((column) => {
      if (isConstant(column)) return -1;
      const known = this.#columns.indexOf(column);
      return known < 0 ? this.#columns.push(column) - 1 : known;
    });
    const totals = new Float64Array(columns.length);
    return ({ blocks }, row) => {
      const start = row * this.#columns.length;
      for (let c = 0; c < totals.length; c++) {
        const place = places[c] as number;
        totals[c] = place < 0 ? (constants[c] as number) : (blocks[start + place] as number);
      }
      return value(totals);
    };
  }

  #readWalk(statistic: Statistic): Read {
    const known = this.#walked.get(statistic);
    if (known) return known;
    const read = this.#newWalk(statistic);
    this.#walked.set(statistic, read);
    return read;
  }

  #newWalk(statistic: Statistic): Read {
    switch (statistic.kind) {
      case 'proportion':
      case 'sums': {
        const { cell, cells, columns, value } = sumsOf(statistic);
        const walk = this.#walks.push({ kind: 'cells', cell, cells, columns }) - 1;
        const length = cells * columns.length;
        return ({ walks }, row) =>
          value((walks[walk] as Float64Array).subarray(row * length, (row + 1) * length));
      }
      case 'mean': {
        const parts = statistic.of.map((one) => this.#readWalk(one));
        return (drawn, row) =>
          parts.reduce((sum, read, i) => sum + read(drawn, row) * (statistic.weights[i] as number), 0);
      }
      case 'quantile':
        return this.#readRanks({ ...statistic, order: ascending(statistic.values) });
      default:
        return this.#readRanks(rankedWalk(statistic));
    }
  }

  #readRanks(walk: Walk): Read {
    const at = this.#walks.push(walk) - 1;
    return ({ walks }, row) => walks[at]?.[row] as number;
  }
}

function isPlainSum(statistic: Statistic): statistic is OfSums {
  return statistic.kind === 'proportion' || (statistic.kind === 'sums' && !statistic.cell);
}

function readKinds(statistic: OfSums, kinds: Kinds, place: number): Read {
  const { value } = sumsOf(statistic);
  const totalsOf = totalsOfKinds(statistic, kinds);
  const count = kinds.counts.length;
  return (drawn, row) =>
    value(totalsOf((drawn.kinds[place] as Float64Array).subarray(row * count, (row + 1) * count)));
}

function rankedWalk({ kind, score, positive, weight }: Auc | AveragePrecision): Walk {
  const order = ascending(score);
  return {
    ...{ kind, order },
    positive: Uint8Array.from(order, (example) => positive[example] as number),
    ends: Uint8Array.from(order, (example, i) =>
      Number(i + 1 === order.length || score[example] !== score[order[i + 1] as number]),
    ),
    weight: weight && Float64Array.from(order, (example) => weight[example] as number),
  };
}
