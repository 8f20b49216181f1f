import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseChallenges } from '../src/challenge.ts';
import { startOf } from '../src/download.ts';
import { receivedOf } from '../src/upload.ts';

describe('parseChallenges', () => {
  const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,10}$/);
  const challenge = fc.record({
    scheme: name,
    parameters: fc.dictionary(name, fc.string({ unit: 'grapheme-ascii' }), {
      minKeys: 1,
      maxKeys: 4,
      noNullPrototype: true,
    }),
  });

  it('reads any challenges with quoted parameters', () => {
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 3 }), (challenges) => {
        const quote = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`;
        const header = challenges
          .map(({ scheme, parameters }) => {
            const written = Object.entries(parameters).map(([key, value]) => `${key}=${quote(value)}`);
            return `${scheme} ${written.join(',')}`;
          })
          .join(', ');
        expect(parseChallenges(header)).toEqual(challenges);
      }),
    );
  });

  it('takes names in any case, values without quotes, and schemes without parameters', () => {
    expect(
      parseChallenges(
        'Negotiate, BASIC Realm=x , Bearer realm=https://a.b/t?c,service="s,t",scope="a:b:pull,push"',
      ),
    ).toEqual([
      { scheme: 'negotiate', parameters: {} },
      { scheme: 'basic', parameters: { realm: 'x' } },
      { scheme: 'bearer', parameters: { realm: 'https://a.b/t?c', service: 's,t', scope: 'a:b:pull,push' } },
    ]);
  });

  it('fails on nothing', () => {
    fc.assert(
      fc.property(fc.string(), (header) => {
        for (const { scheme } of parseChallenges(header)) expect(scheme).toBe(scheme.toLowerCase());
      }),
    );
  });
});

describe('what a registry says of ranges', () => {
  it('knows how much of an upload arrived', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 2 ** 50 }), (bytes) => {
        expect(receivedOf(`0-${bytes - 1}`)).toBe(bytes);
      }),
    );
    expect(receivedOf('bytes=0-9')).toBe(10);
    expect(receivedOf('0-0')).toBe(0);
    for (const other of [undefined, '', '1-9', '0-', '0-x', '9']) expect(receivedOf(other)).toBeUndefined();
  });

  it('accepts only the rest of the same whole', () => {
    const sizes = fc
      .integer({ min: 1, max: 2 ** 50 })
      .chain((size) => fc.tuple(fc.integer({ min: 0, max: size - 1 }), fc.constant(size)));
    fc.assert(
      fc.property(sizes, ([start, size]) => {
        expect(startOf(`bytes ${start}-${size - 1}/${size}`, size)).toBe(start);
        expect(startOf(`bytes ${start}-${size - 1}/*`, size)).toBe(start);
        expect(startOf(`bytes ${start}-${size - 1}/${size + 1}`, size)).toBeUndefined();
        expect(startOf(`bytes ${start}-${size - 2}/${size}`, size)).toBeUndefined();
      }),
    );
    expect(startOf(undefined, 10)).toBeUndefined();
  });
});
