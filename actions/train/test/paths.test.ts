import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalize, overlap, pathProblem, relation } from '../src/paths.ts';

const name = fc.stringMatching(/^[a-z]{1,3}$/);
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

test.each([
  ['', 'input', 'a path is needed'],
  ['/data', 'input', 'absolute'],
  ['C:/data', 'input', 'absolute'],
  ['~/data', 'output', 'absolute'],
  ['data\\raw', 'input', "'/'"],
  ['../data', 'input', 'out of the working directory'],
  ['a/../../b', 'output', 'out of the working directory'],
  ['./', 'output', 'whole working directory'],
  ['out/*.bin', 'output', 'instead of a pattern'],
] as const)('%j as an %s is refused', (value, kind, message) => {
  expect(pathProblem(value, kind)).toContain(message);
});

test.each(['data', './data/', 'a/b.c', 'src/**/*.py', '.', '..data'])('%j is a fine input', (value) => {
  expect(pathProblem(value, 'input')).toBeUndefined();
});

test('a path has one normal form', () => {
  expect(['./a//b/', 'a/b', 'a/./b', 'a/c/../b'].map(normalize)).toEqual(Array(4).fill('a/b'));
});

describe('an input to an output', () => {
  test.each([
    ['model', 'model', 'within'],
    ['./model/', 'model', 'within'],
    ['model/weights.bin', 'model', 'within'],
    ['model/*.bin', 'model', 'within'],
    ['models', 'model', undefined],
    ['model', 'models/a', undefined],
    ['data', 'data/processed', 'around'],
    ['.', 'model', 'around'],
    ['data/*', 'data/processed', 'around'],
    ['data/*/train.csv', 'data/processed', 'around'],
    ['data/**', 'data/processed/x', 'around'],
    ['**/*.py', 'model', 'around'],
    ['*.py', 'model', undefined],
    ['src/*.py', 'model', undefined],
    ['m?del', 'model', 'around'],
    ['[a-m]*', 'model', 'around'],
    ['*.json', 'metrics.json', 'around'],
    ['data.csv', 'data*csv', undefined],
  ])('%s lies to %s: %s', (input, output, expected) => {
    expect(relation(input, output)).toBe(expected);
  });

  test('is within or around, exactly when they overlap', () => {
    fc.assert(
      fc.property(path, path, (input, output) => {
        expect(relation(input, output) !== undefined).toBe(overlap(input, output));
      }),
    );
  });
});

test('overlap is symmetric, and holds for what is below', () => {
  fc.assert(
    fc.property(path, path, (a, b) => {
      expect(overlap(a, b)).toBe(overlap(b, a));
      expect(overlap(a, `${a}/${b}`)).toBe(true);
    }),
  );
});
