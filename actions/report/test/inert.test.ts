import { code, plain } from '@mlops/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mapText, withoutLinks, withoutMentions } from '../src/inert.ts';

const decoded = (markdown: string) =>
  markdown.replace(/&#(\d+);/g, (_, number) => String.fromCodePoint(Number(number)));
const visible = (text: string) => text.replaceAll('\u200B', '');

test.each([
  ['@ada and ada@example.com', '@|ada and ada@|example.com'],
  ['ratio @ 0.5 @', 'ratio @ 0.5 @'],
])('mentions are parted and nothing else is: %s', (text, expected) => {
  expect(withoutMentions(text)).toBe(expected.replaceAll('|', '\u200B'));
});

test.each([
  ['https://e.test/#1', 'https:|//e.test/#|1'],
  ['WWW.e.test mailto:a', 'WWW|.e.test mailto|:a'],
  ['acme/model#12 gh-7', 'acme/model#|12 gh-|7'],
  ['C# 1:2 a//b', 'C# 1:2 a//b'],
])('links and references are parted: %s', (text, expected) => {
  expect(withoutLinks(text)).toBe(expected.replaceAll('|', '\u200B'));
});

const hostile = fc
  .array(
    fc.constantFrom('@', 'a', '://', 'www', '.', '#', '1', 'GH-', ' ', '`', '<', '|', '\n', '\u200B', 'é'),
  )
  .map((parts) => parts.join(''));

test('what is shown stays the same, and nothing live is left, whatever is put together', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const inert = withoutLinks(text);
      expect(visible(inert)).toBe(visible(text));
      for (const shown of [inert, decoded(plain(inert)), decoded(code(inert))])
        expect(shown).not.toMatch(/@[\p{L}\p{N}_-]|:\/\/|www\.|#\d|gh-\d/iu);
    }),
  );
});

test('all text of a value is changed, names of properties too, and everything else stays as it is', () => {
  const value = { '@a': ['@b', 1, null, true, { c: '@d' }], ['__proto__']: '@e' };
  expect(mapText(value, (text) => text.replace('@', '~'))).toEqual({
    '~a': ['~b', 1, null, true, { c: '~d' }],
    ['__proto__']: '~e',
  });
});
