import type { Auc, AveragePrecision, Statistic } from './statistic.ts';

/** Makes statistics of some examples, in the order of `examples`; arrays that several share stay shared. */
export function picking(examples: ArrayLike<number>): (statistic: Statistic) => Statistic {
  const known = new Map<object, unknown>();
  const pick = <T extends Float64Array | Int32Array | Uint8Array | undefined>(values: T): T => {
    if (!values) return values;
    const there = known.get(values) as T | undefined;
    if (there) return there;
    const Kind = values.constructor as new (length: number) => NonNullable<T>;
    const picked = new Kind(examples.length);
    for (let i = 0; i < picked.length; i++) picked[i] = values[examples[i] as number] as number;
    known.set(values, picked);
    return picked;
  };
  const ranked = (one: Auc | AveragePrecision) => ({
    ...one,
    score: pick(one.score),
    positive: pick(one.positive),
    weight: pick(one.weight),
  });
  return (statistic) => {
    switch (statistic.kind) {
      case 'proportion':
        return { ...statistic, success: pick(statistic.success), member: pick(statistic.member) };
      case 'sums':
        return { ...statistic, columns: statistic.columns.map(pick), cell: pick(statistic.cell) };
      case 'quantile':
        return { ...statistic, values: pick(statistic.values) };
      case 'mean':
        return { ...statistic, of: statistic.of.map(ranked) };
      default:
        return ranked(statistic);
    }
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
