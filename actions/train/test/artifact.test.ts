import { expect, test } from 'vitest';
import { artifactName } from '../src/artifact.ts';
import { duration, number, size } from '../src/format.ts';

test.each([
  [{}, 'model'],
  [{ python: '3.12', fold: 1 }, 'model-3.12-1'],
  [{ data: 'a/b:c' }, 'model-a_b_c'],
  [{ flag: false }, 'model-false'],
])('the artifact of a job with the matrix %j is %s', (matrix, name) => {
  expect(artifactName('model', matrix)).toBe(name);
});

test('matrix values that are mappings tell jobs apart, too', () => {
  const [a, b] = [{ config: { lr: 1, depth: 2 } }, { config: { lr: 2, depth: 2 } }];
  expect(artifactName('m', a)).toMatch(/^m-[0-9a-f]{8}$/);
  expect(artifactName('m', a)).not.toBe(artifactName('m', b));
  expect(artifactName('m', { config: { depth: 2, lr: 1 } })).toBe(artifactName('m', a));
});

test.each([
  [3.2, '3 ms'],
  [420, '0.4 s'],
  [12_300, '12 s'],
  [185_000, '3 min 5 s'],
  [7_800_000, '2 h 10 min'],
])('%d ms are %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test.each([
  [0, '0 B'],
  [1500, '1.5 KB'],
  [20_400_000, '20 MB'],
])('%d bytes are %s', (bytes, text) => {
  expect(size(bytes)).toBe(text);
});

test('numbers keep what counts', () => {
  expect([0.123456789, 12, 1e-9, Number.NaN, Number.POSITIVE_INFINITY].map(number)).toEqual([
    '0.123457',
    '12',
    '1e-9',
    'NaN',
    'Infinity',
  ]);
});
