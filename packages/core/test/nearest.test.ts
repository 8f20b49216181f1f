import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearest, suggest } from '../src/index.ts';

const name = fc.stringMatching(/^[a-z]{3,12}$/);

test('a name is nearest to itself', () => {
  fc.assert(
    fc.property(name, fc.array(name), (one, others) => {
      expect(nearest(one, [...others, one])).toBe(one);
    }),
  );
});

test('one typing mistake is found', () => {
  fc.assert(
    fc.property(name, fc.nat(), (one, at) => {
      const i = at % one.length;
      expect(nearest(`${one.slice(0, i)}${one.slice(i + 1)}`, [one])).toBe(one);
      expect(nearest(`${one.slice(0, i)}-${one.slice(i)}`, [one])).toBe(one);
    }),
  );
});

test('what is not near is not suggested, what is allowed always said', () => {
  expect(nearest('epochs', ['threshold', 'severity'])).toBeUndefined();
  expect(suggest('epochs', ['threshold', 'severity'])).toBe('Allowed: threshold, severity.');
  expect(suggest('treshold', ['threshold', 'severity'])).toBe(
    "Did you mean 'threshold'? Allowed: threshold, severity.",
  );
  expect(suggest('x', [])).toBe('Allowed: (nothing).');
});
