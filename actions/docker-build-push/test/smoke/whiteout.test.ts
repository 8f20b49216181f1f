import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainPath, whiteoutOf } from '../../src/smoke/whiteout.ts';

describe('whiteoutOf', () => {
  it.each([
    ['usr/.wh.old', { path: 'usr/old', kind: 'entry' }],
    ['./.wh.old', { path: 'old', kind: 'entry' }],
    ['usr/lib/.wh..wh..opq', { path: 'usr/lib', kind: 'opaque' }],
    ['.wh..wh..opq', { path: '', kind: 'opaque' }],
    ['usr/.wh..hidden', { path: 'usr/.hidden', kind: 'entry' }],
    ['.wh..wh.plnk', undefined],
    ['usr/.wh.', undefined],
    ['usr/a.wh.b', undefined],
    ['.wh.usr/file', undefined],
  ])('%s', (name, expected) => {
    expect(whiteoutOf(name)).toEqual(expected);
  });

  it('names what it was made for', () => {
    const part = fc
      .string({ minLength: 1 })
      .filter((text) => !text.includes('/') && !/^\.{1,2}$|^\.wh\./.test(text));
    fc.assert(
      fc.property(fc.array(part), part, (folders, file) => {
        const path = [...folders, file].join('/');
        expect(whiteoutOf([...folders, `.wh.${file}`].join('/'))).toEqual({ path, kind: 'entry' });
        expect(whiteoutOf(path)).toBeUndefined();
        expect(plainPath(`./${path}/`)).toBe(path);
      }),
    );
  });
});
