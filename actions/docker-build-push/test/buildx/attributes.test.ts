import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatAttributes, parseAttributes } from '../../src/buildx/attributes.ts';

test('reads attributes as buildx does', () => {
  expect(parseAttributes('type=image,"name=a,b", Push=true,flag')).toEqual(
    new Map([
      ['type', 'image'],
      ['name', 'a,b'],
      ['push', 'true'],
      ['flag', ''],
    ]),
  );
});

test('reads back whatever it wrote', () => {
  const value = fc.string().map((text) => text.trim());
  fc.assert(
    fc.property(fc.dictionary(fc.stringMatching(/^[a-z][a-z-]*$/), value), (attributes) => {
      expect(Object.fromEntries(parseAttributes(formatAttributes(attributes)))).toEqual({ ...attributes });
    }),
  );
});
