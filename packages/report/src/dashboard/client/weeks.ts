import type { Line } from './shapes.ts';
import type { Words } from './words.ts';

export type Weeks = ReturnType<typeof makeWeeks>;

/** Sums of runs for each week from Monday on, or each month where there are very many. */
export function makeWeeks(started: readonly number[], words: Words) {
  const week = 7 * 86_400;
  const monday = 4 * 86_400; // 1970 began on a Thursday.
  const mostWeeks = 120;

  function bars(
    name: string,
    rows: readonly number[],
    value: (rows: number[]) => number | null,
  ): { unit: 'week' | 'month'; line: Line } {
    const times = rows.map((row) => started[row] ?? 0);
    let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const time of times) [first, last] = [Math.min(first, time), Math.max(last, time)];
    const unit = (last - first) / week > mostWeeks ? 'month' : 'week';
    const groups = new Map<number, number[]>();
    for (const row of rows) {
      const start = unit === 'week' ? weekOf(started[row] ?? 0) : monthOf(started[row] ?? 0);
      const group = groups.get(start);
      if (group) group.push(row);
      else groups.set(start, [row]);
    }
    const points = [...groups]
      .sort((a, b) => a[0] - b[0])
      .flatMap(([start, group]) => {
        const y = value(group);
        return y === null
          ? []
          : [
              {
                x: start,
                y,
                label: `${unit} from ${words.day(start)}, ${words.plural(group.length, 'run')}`,
              },
            ];
      });
    return { unit, line: { name, points } };
  }

  function weekOf(time: number): number {
    return Math.floor((time - monday) / week) * week + monday;
  }

  function monthOf(time: number): number {
    const date = new Date(time * 1000);
    return Date.UTC(date.getUTCFullYear(), date.getUTCMonth()) / 1000;
  }

  return bars;
}
