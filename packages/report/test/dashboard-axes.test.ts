import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeAxes } from '../src/dashboard/client/axes.ts';
import { makeWords } from '../src/dashboard/client/words.ts';

const words = makeWords();
const axes = makeAxes(words);
const range = fc
  .tuple(fc.double({ min: -1e9, max: 1e9, noNaN: true }), fc.double({ min: 1e-6, max: 1e9, noNaN: true }))
  .map(([low, span]): [number, number] => [low, low + span])
  .filter(([low, high]) => high - low > Math.abs(low) * 1e-9);

test('ticks are few, evenly apart, and reach from below the least to above the most', () => {
  fc.assert(
    fc.property(range, ([low, high]) => {
      const ticks = axes.ticks([low, high]);
      const tolerance = (high - low) * 1e-2;
      expect(ticks.length).toBeGreaterThanOrEqual(2);
      expect(ticks.length).toBeLessThanOrEqual(6);
      expect(ticks[0]).toBeLessThanOrEqual(low + tolerance);
      expect(ticks.at(-1)).toBeGreaterThanOrEqual(high - tolerance);
      const gaps = ticks.slice(1).map((tick, i) => tick - (ticks[i] ?? 0));
      for (const gap of gaps) expect(Math.abs(gap - (gaps[0] ?? 0))).toBeLessThanOrEqual(tolerance);
    }),
  );
});

test('ticks are numbers that people count by', () => {
  expect(axes.ticks([0.861, 0.943])).toEqual([0.85, 0.9, 0.95]);
  expect(axes.ticks([0, 100])).toEqual([0, 50, 100]);
  expect(axes.ticks([-3, 3])).toEqual([-4, -2, 0, 2, 4]);
  expect(axes.ticks([0, 5_400_000], words.durationSteps).map(words.shortDuration)).toEqual([
    ...['0 s', '30 min', '1 h', '1.5 h'],
  ]);
});

test('a single value has room, and numbers at the edge of what there is do no harm', () => {
  expect(axes.roomy(axes.extent([7]), 1)).toEqual([6, 8]);
  expect(axes.roomy(axes.extent([1, 2]), 1)).toEqual([1, 2]);
  for (const [low, high] of [
    [-Number.MAX_VALUE, Number.MAX_VALUE],
    [0, Number.MIN_VALUE],
    [1e15, 1e15 + 1],
  ] as const)
    expect(axes.ticks([low, high]).length).toBeLessThan(10);
});

test('moments are told by the minute, the day or the month, each once', () => {
  const at = (...time: Parameters<typeof Date.UTC>) => Date.UTC(...time) / 1000;
  const labels = (from: number, to: number) =>
    axes.times(axes.scale([from, to], 0, 500), 500).map(({ label }) => label);
  expect(labels(at(2026, 0, 1), at(2026, 0, 2))).toEqual([
    ...['01-01 02:24', '01-01 07:12', '01-01 12:00', '01-01 16:48', '01-01 21:36'],
  ]);
  expect(labels(at(2026, 0, 1), at(2026, 2, 1))).toEqual(['6 Jan', '18 Jan', '30 Jan', '11 Feb', '23 Feb']);
  expect(labels(at(2024, 0, 1), at(2026, 0, 1))).toEqual([
    ...['Mar 2024', 'Aug 2024', 'Dec 2024', 'May 2025', 'Oct 2025'],
  ]);
});
