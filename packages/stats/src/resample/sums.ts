import type { Proportion, Sums } from '../statistic.ts';

const shares = new WeakMap<Proportion, Sums>();

/** A share as two sums; sums as they are. */
export function sumsOf(statistic: Proportion | Sums): Sums {
  if (statistic.kind === 'sums') return statistic;
  const known = shares.get(statistic);
  if (known) return known;
  const { success, member } = statistic;
  const sums: Sums = {
    ...{ kind: 'sums', cells: 1, cell: undefined },
    columns: [
      Float64Array.from(success),
      member ? Float64Array.from(member) : new Float64Array(success.length).fill(1),
    ],
    value: (totals) => (totals[0] as number) / (totals[1] as number),
  };
  shares.set(statistic, sums);
  return sums;
}

const constants = new WeakMap<Float64Array, boolean>();

/** Whether all examples have the same: then its sum is known without drawing. */
export function isConstant(column: Float64Array): boolean {
  const known = constants.get(column) ?? column.every((value) => value === column[0]);
  constants.set(column, known);
  return known;
}
