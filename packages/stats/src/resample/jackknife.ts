import type { Proportion, Statistic, Sums } from '../statistic.ts';
import { evaluate, totalsOf } from '../value.ts';

/** Values of metrics that take a sort are computed without groups of examples instead of without each. */
const groups = (size: number) => Math.min(size, size > 200_000 ? 50 : 200);

/**
 * A metric's values without each example in turn, and how often each of them occurs; examples that leave the same are
 * counted. Metrics of ranks leave out groups.
 */
export function jackknife(statistic: Statistic): Float64Array {
  if (statistic.kind === 'proportion') return ofSums(sumsOf(statistic));
  if (statistic.kind === 'sums') return ofSums(statistic);
  const size = sizeOf(statistic);
  const count = groups(size);
  return Float64Array.from({ length: count }, (_, group) =>
    evaluate(kept(statistic, (i) => i % count !== group)),
  );
}

function ofSums(statistic: Sums): Float64Array {
  const { columns, cell, cells } = statistic;
  const width = columns.length;
  const totals = totalsOf(statistic);
  const size = columns[0]?.length ?? 0;
  const without = (i: number) => {
    const at = (cell ? (cell[i] as number) : 0) * width;
    for (let c = 0; c < width; c++) totals[at + c] = (totals[at + c] as number) - (columns[c]?.[i] as number);
    const value = statistic.value(totals);
    for (let c = 0; c < width; c++) totals[at + c] = (totals[at + c] as number) + (columns[c]?.[i] as number);
    return value;
  };
  const alike = columns.every((column) => column.every((value) => value === column[0]));
  if (!alike) return Float64Array.from({ length: size }, (_, i) => without(i));
  // Then it depends on the cell alone.
  const ofCell = new Float64Array(cells).fill(Number.NaN);
  return Float64Array.from({ length: size }, (_, i) => {
    const at = cell ? (cell[i] as number) : 0;
    if (Number.isNaN(ofCell[at])) ofCell[at] = without(i);
    return ofCell[at] as number;
  });
}

/** A share as two sums. */
export function sumsOf({ success, member }: Proportion): Sums {
  return {
    ...{ kind: 'sums', cells: 1, cell: undefined },
    columns: [
      Float64Array.from(success),
      member ? Float64Array.from(member) : new Float64Array(success.length).fill(1),
    ],
    value: (totals) => (totals[0] as number) / (totals[1] as number),
  };
}

/** How many examples a statistic is of. */
export function sizeOf(statistic: Statistic): number {
  switch (statistic.kind) {
    case 'mean':
      return statistic.of[0] ? sizeOf(statistic.of[0]) : 0;
    case 'proportion':
      return statistic.success.length;
    case 'quantile':
      return statistic.values.length;
    case 'sums':
      return statistic.columns[0]?.length ?? 0;
    default:
      return statistic.score.length;
  }
}

function kept<T extends Exclude<Statistic, Sums | Proportion>>(
  statistic: T,
  keeps: (i: number) => boolean,
): Statistic {
  if (statistic.kind === 'mean')
    return { ...statistic, of: statistic.of.map((one) => kept(one, keeps) as typeof one) };
  if (statistic.kind === 'quantile')
    return { ...statistic, values: statistic.values.filter((_, i) => keeps(i)) };
  return {
    ...statistic,
    score: statistic.score.filter((_, i) => keeps(i)),
    positive: statistic.positive.filter((_, i) => keeps(i)),
    weight: statistic.weight?.filter((_, i) => keeps(i)),
  };
}
