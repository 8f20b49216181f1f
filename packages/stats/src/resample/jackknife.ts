import { aucWithoutEach } from '../delong.ts';
import { orderPicked } from '../order.ts';
import { picking, sizeOf } from '../pick.ts';
import type { Statistic, Sums } from '../statistic.ts';
import { evaluate, totalsOf } from '../value.ts';
import { isConstant, sumsOf } from './sums.ts';

/** Values of metrics that take a sort are computed without groups of examples instead of without each. */
const groups = (size: number) => Math.min(size, size > 200_000 ? 50 : 200);

/**
 * The values of the metrics of a group without each example in turn, or, where that would take too long for any of them,
 * without each of at most 200 groups of examples.
 */
export function jackknife(group: readonly Statistic[]): Float64Array[] {
  const each = group.map(withoutEach);
  return each.every((values) => values !== undefined) ? each : group.map(withoutGroups);
}

function withoutEach(statistic: Statistic): Float64Array | undefined {
  if (statistic.kind === 'proportion' || statistic.kind === 'sums') return ofSums(sumsOf(statistic));
  return statistic.kind === 'auc' ? aucWithoutEach(statistic) : undefined;
}

function withoutGroups(statistic: Statistic): Float64Array {
  const size = sizeOf(statistic);
  const count = groups(size);
  // In strides of a prime, so that no group is of one class where the classes take turns or follow each other.
  const stride = size % 7919 === 0 ? 7907 : 7919;
  const groupOf = new Int32Array(size);
  for (let i = 0; i < size; i++) groupOf[(i * stride) % size] = Math.floor(((i + 1) * count - 1) / size);
  return Float64Array.from({ length: count }, (_, group) => evaluate(without(group, groupOf, statistic)));
}

/** The statistic of all examples but those of a group, whose order is that of all. */
function without(group: number, groupOf: Int32Array, statistic: Statistic): Statistic {
  let kept = 0;
  const place = groupOf.map((one) => (one === group ? -1 : kept++));
  const rows = new Uint32Array(kept);
  for (const [i, at] of place.entries()) if (at >= 0) rows[at] = i;
  const picked = picking(rows)(statistic);
  const columns = sortedColumns(picked);
  for (const [i, all] of sortedColumns(statistic).entries())
    orderPicked(columns[i] as Float64Array, all, place);
  return picked;
}

/** What has to be sorted for a value. */
function sortedColumns(statistic: Statistic): Float64Array[] {
  if (statistic.kind === 'mean') return statistic.of.map(({ score }) => score);
  return statistic.kind === 'auc' || statistic.kind === 'average-precision' ? [statistic.score] : [];
}

function ofSums({ columns, cell, cells, value }: Sums): Float64Array {
  const width = columns.length;
  const totals = totalsOf({ kind: 'sums', columns, cell, cells, value });
  const before = new Float64Array(width);
  const without = (i: number) => {
    const at = (cell ? (cell[i] as number) : 0) * width;
    for (let c = 0; c < width; c++) {
      before[c] = totals[at + c] as number;
      totals[at + c] = (totals[at + c] as number) - (columns[c]?.[i] as number);
    }
    const found = value(totals);
    totals.set(before, at);
    return found;
  };
  const size = columns[0]?.length ?? 0;
  if (!columns.every(isConstant)) return Float64Array.from({ length: size }, (_, i) => without(i));
  // Then it depends on the cell alone.
  const ofCell = new Map<number, number>();
  return Float64Array.from({ length: size }, (_, i) => {
    const at = cell ? (cell[i] as number) : 0;
    const known = ofCell.get(at) ?? without(i);
    ofCell.set(at, known);
    return known;
  });
}
