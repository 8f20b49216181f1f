import fc from 'fast-check';
import { expect, test } from 'vitest';
import { means, seedsOf, spread } from '../src/seeds.ts';

test('seeds are counted, or named; the first one comes last', () => {
  expect(seedsOf({ repeat: undefined, seeds: undefined })).toEqual([undefined]);
  expect(seedsOf({ repeat: 3, seeds: undefined })).toEqual(['2', '1', '0']);
  expect(seedsOf({ repeat: undefined, seeds: ['7', '11'] })).toEqual(['11', '7']);
  expect(seedsOf({ repeat: 2, seeds: ['7', '11'] })).toEqual(['11', '7']);
});

test.each<[number | undefined, string[], string]>([
  [3, ['1', '2'], "input seeds: it names 2, but the input 'repeat' asks for 3"],
  [undefined, ['1', '1'], "input seeds: '1' stands there twice"],
  [undefined, ['1.5'], "input seeds: '1.5' is not a whole number from 0 to 4294967295"],
  [undefined, ['4294967296'], 'is not a whole number'],
  [undefined, ['-1'], 'is not a whole number'],
])('repeat %j with seeds %j is refused', (repeat, seeds, message) => {
  expect(() => seedsOf({ repeat, seeds })).toThrow(message);
});

test('mean and spread by hand', () => {
  const repeats = [
    { accuracy: 0.9, loss: 1 },
    { accuracy: 0.8, loss: 3 },
    { accuracy: 1, loss: 5 },
  ];
  expect(means(repeats).loss).toBe(3);
  expect(means(repeats).accuracy).toBeCloseTo(0.9, 12);
  expect(spread(repeats).loss).toBe(2);
  expect(spread(repeats).accuracy).toBeCloseTo(0.1, 12);
});

test('a metric that a seed lacks, or that is not finite, has no mean that could pass a gate', () => {
  expect(means([{ accuracy: 0.9 }, {}])).toEqual({ accuracy: 'NaN' });
  expect(means([{ loss: 'Infinity' }, { loss: 1 }])).toEqual({ loss: 'Infinity' });
  expect(spread([{ accuracy: 0.9 }])).toEqual({ accuracy: 'NaN' });
});

test('shifting all values shifts the mean and leaves the spread', () => {
  const values = fc.array(fc.double({ min: -1e3, max: 1e3, noNaN: true }), { minLength: 2, maxLength: 9 });
  fc.assert(
    fc.property(values, fc.double({ min: -1e3, max: 1e3, noNaN: true }), (sample, shift) => {
      const before = sample.map((value) => ({ m: value }));
      const after = sample.map((value) => ({ m: value + shift }));
      expect(Number(means(after).m)).toBeCloseTo(Number(means(before).m) + shift, 6);
      expect(Number(spread(after).m)).toBeCloseTo(Number(spread(before).m), 6);
    }),
  );
});
