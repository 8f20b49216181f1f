import type { Words } from './words.ts';

export type Axes = ReturnType<typeof makeAxes>;

/** A place on the drawing, to a tenth of a pixel, for a value. */
export type Scale = ((value: number) => number) & { from: number; to: number };

/** Where values stand in a chart, and which of them are written beside it. */
export function makeAxes(words: Words) {
  const minute = 60;
  const day = 86_400;

  function scale([from, to]: readonly [number, number], start: number, end: number): Scale {
    const map = (value: number) =>
      Math.round((start + ((value - from) / (to - from || 1)) * (end - start)) * 10) / 10;
    return Object.assign(map, { from, to });
  }

  /** Least and most. */
  function extent(values: readonly number[]): [number, number] {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
    return [low, high];
  }

  /** The same with room around a single value. */
  function roomy([low, high]: readonly [number, number], room: number): [number, number] {
    return low === high ? [low - room, high + room] : [low, high];
  }

  /**
   * About four values from `low` to `high` or just beyond, `steps` apart from each other: the shortest of these, given in
   * ascending order, that does not lead to more; else round numbers.
   */
  function ticks([low, high]: readonly [number, number], steps: readonly number[] = []): number[] {
    const rough = (high - low) / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const round = [1, 2, 5, 10].map((factor) => factor * power);
    const step = [...steps, ...round].find((one) => one >= rough) ?? rough;
    const first = Math.floor(low / step);
    const count = Math.ceil(high / step) - first;
    return Array.from({ length: count + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  }

  /** Moments of a scale in seconds with what is written below them, as many as there is room for. */
  function times(x: Scale, width: number): { at: number; label: string }[] {
    const span = x.to - x.from;
    const count = width > 400 ? 5 : 3;
    const label = (at: number) =>
      span < 3 * day ? words.time(at).slice(5) : words.shortDay(at, span > 300 * day);
    return Array.from({ length: count }, (_, i) => x.from + ((i + 0.5) / count) * span)
      .map((at) => Math.round(at / minute) * minute)
      .map((at) => ({ at, label: label(at) }))
      .filter((one, i, all) => one.label !== all[i - 1]?.label);
  }

  return { scale, extent, roomy, ticks, times };
}
