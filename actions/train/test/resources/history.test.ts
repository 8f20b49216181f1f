import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { History } from '../../src/resources/history.ts';

describe('a history', () => {
  test('has every sample as long as there is room', () => {
    const history = new History(4);
    for (const [i, cpu] of [0.1, undefined, 0.3].entries()) history.add(i + 1, { cpu, memory: i });
    expect(history.seconds).toEqual([1, 2, 3]);
    expect(history.column('cpu', 'mean')).toEqual([0.1, null, 0.3]);
    expect(history.column('memory', 'highest')).toEqual([0, 1, 2]);
    expect(history.column('gpu', 'mean')).toEqual([null, null, null]);
    expect(history.overall('gpu', 'mean')).toBeNull();
  });

  test('puts neighbours together when it is full', () => {
    const history = new History(4);
    for (const value of [1, 2, 3, 4, 5, 6, 7, 8, 9]) history.add(value, { value });
    expect(history.seconds).toEqual([4, 8, 9]);
    expect(history.column('value', 'mean')).toEqual([2.5, 6.5, 9]);
    expect(history.column('value', 'highest')).toEqual([4, 8, 9]);
    expect(history.column('value', 'lowest')).toEqual([1, 5, 9]);
  });

  test('counts a sample in the mean by the time that it stands for', () => {
    const history = new History(10);
    history.add(1, { cpu: 1 });
    history.add(10, { cpu: 0 });
    expect(history.overall('cpu', 'mean')).toBeCloseTo(0.1);
  });

  test('keeps to its size, loses no extreme and no mean, and goes on in time', () => {
    const samples = fc.array(fc.record({ gap: fc.nat(99), value: fc.option(fc.nat(1000)) }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(samples, fc.integer({ min: 2, max: 20 }), (samples, most) => {
        const history = new History(most);
        let [at, sum, time] = [0, 0, 0];
        for (const { gap, value } of samples) {
          at += gap + 1;
          history.add(at, { value: value ?? undefined });
          if (value !== null) [sum, time] = [sum + value * (gap + 1), time + gap + 1];
        }
        const values = samples.flatMap(({ value }) => value ?? []);
        expect(history.seconds.length).toBeLessThanOrEqual(most);
        expect(history.seconds).toEqual(history.seconds.toSorted((a, b) => a - b));
        expect(history.seconds.at(-1) ?? 0).toBe(at);
        expect(history.column('value', 'mean')).toHaveLength(history.seconds.length);
        expect(history.overall('value', 'highest')).toBe(values.length ? Math.max(...values) : null);
        expect(history.overall('value', 'lowest')).toBe(values.length ? Math.min(...values) : null);
        if (values.length) expect(history.overall('value', 'mean')).toBeCloseTo(sum / time, 6);
      }),
    );
  });
});
