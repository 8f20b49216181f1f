import type { GateRecord, IntervalRecord } from '@mlops/core/record';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { comparisons, tendencyOf } from '../src/comparison.ts';
import { askedText, changeText, intervalText, valueText } from '../src/rule-text.ts';
import { sampleGate } from './sample-gate.ts';

const between = (low: number, high: number): IntervalRecord => ({ low, high, confidence: 0.95 });

describe('a change', () => {
  test.each<[number | 'NaN' | null, IntervalRecord | undefined, boolean | null, string | undefined]>([
    [0.01, between(0.001, 0.02), true, '↑ better'],
    [0.01, between(0.001, 0.02), false, '↑ worse'],
    [-0.01, between(-0.02, -0.001), false, '↓ better'],
    [-0.01, between(-0.02, 0.001), true, '↓ undecided'],
    [0.01, between(0, 0.02), true, '↑ undecided'],
    [0, between(0, 0), true, '→ unchanged'],
    [0, between(-0.01, 0.01), true, '→ undecided'],
    [0.01, between(0.001, 0.02), null, '↑ higher'],
    [-0.01, undefined, true, '↓ worse?'],
    [-0.01, undefined, null, '↓ lower?'],
    [0, undefined, true, '→ unchanged?'],
    [0.01, { low: 'NaN', high: 'NaN', confidence: 0.95 }, true, '↑ better?'],
    [0.01, { low: '-Infinity', high: 'Infinity', confidence: 0.95 }, true, '↑ undecided'],
    ['NaN', between(0, 1), true, undefined],
    [null, undefined, true, undefined],
  ])('of %j with %j, greater is better %j, reads %j', (change, interval, greaterIsBetter, expected) => {
    const found = tendencyOf(change, interval, greaterIsBetter);
    expect(found && `${found.arrow} ${found.outcome}${found.noiseKnown ? '' : '?'}`).toBe(expected);
  });

  test('is never both better and worse, and turns round with the direction', () => {
    const number = fc.double({ min: -10, max: 10, noNaN: true });
    fc.assert(
      fc.property(number, number, number, (change, one, other) => {
        const interval = between(Math.min(one, other), Math.max(one, other));
        const [greater, less] = [tendencyOf(change, interval, true), tendencyOf(change, interval, false)];
        const turned = { better: 'worse', worse: 'better' } as Record<string, string>;
        expect(less?.outcome).toBe(turned[greater?.outcome ?? ''] ?? greater?.outcome);
      }),
    );
  });
});

describe('what changed', () => {
  test('begins with what rules ask for, then what changed beyond noise', () => {
    expect(
      comparisons(sampleGate(), undefined).map(({ metric, tendency }) => [metric, tendency?.outcome]),
    ).toEqual([
      ['test.accuracy', 'better'],
      ['test.log_loss', 'undecided'],
      ['model_size', 'unchanged'],
      ['test.recall', 'worse'],
      ['latency_p95', 'worse'],
    ]);
  });

  test('is taken from the rules where a gate did not list its metrics', () => {
    const { metrics: _, ...older } = sampleGate();
    expect(comparisons(older as GateRecord).map(({ metric, baseline }) => [metric, baseline])).toEqual([
      ['test.accuracy', 0.9593],
      ['test.log_loss', 0.09],
      ['model_size', null],
    ]);
  });
});

describe('in words', () => {
  const rule = (changes: object) => askedText({ ...sampleGate().rules[0], ...changes } as never);

  test.each([
    [{ rule: 'threshold', bound: 0.94 }, 'at least 0.94'],
    [{ rule: 'threshold', bound: 0.2, greaterIsBetter: false }, 'at most 0.2'],
    [{ metric: 'model_size', rule: 'threshold', bound: 5e7, greaterIsBetter: false }, 'at most 50 MB'],
    [{ rule: 'min_absolute_change', bound: 0.01 }, 'at least 0.01 better than the baseline'],
    [{ rule: 'min_absolute_change', bound: -0.01 }, 'at most 0.01 worse than the baseline'],
    [{ rule: 'min_relative_change', bound: -0.2 }, 'at most 20 % worse than the baseline'],
    [{ rule: 'min_absolute_change', bound: 0 }, 'not worse than the baseline'],
    [{ rule: 'non_inferiority_margin', bound: 0.005 }, 'at most 0.005 worse than the baseline'],
  ])('%j asks %j', (changes, expected) => {
    expect(rule(changes)).toBe(expected);
  });

  test('intervals have digits for their width, and ends that may be infinite', () => {
    expect(intervalText(between(0.950987654, 0.984712345))).toBe('[0.951, 0.9847]');
    expect(intervalText(between(-123.456789, 1234.56789))).toBe('[−123, 1235]');
    expect(intervalText(between(0.5, 0.5))).toBe('[0.5, 0.5]');
    expect(intervalText({ low: '-Infinity', high: 2, confidence: 0.9 })).toBe('[−Infinity, 2]');
  });

  test('numbers have signs where they are changes, and units where they are amounts', () => {
    expect([0.01, -0.01, 0, null, 'NaN' as const].map((change) => changeText(change))).toEqual([
      '+0.01',
      '−0.01',
      '0',
      '–',
      'NaN',
    ]);
    expect(valueText('training_time', 90)).toBe('1.5 min');
    expect(changeText(-0.0004, 'latency_p95')).toBe('−400 µs');
    expect(intervalText(between(0.0102, 0.0141), 'latency_p95')).toBe('[10.2, 14.1] ms');
    expect(valueText('model_size', 'NaN')).toBe('NaN');
    expect(valueText('constructor', 1)).toBe('1');
  });
});
