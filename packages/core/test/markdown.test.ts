import fc from 'fast-check';
import { expect, test } from 'vitest';
import { code, plain, table } from '../src/index.ts';

test('names as they usually are stay readable in the source', () => {
  expect(plain('params train.max_depth changed: 6 → 8')).toBe('params train.max_depth changed: 6 → 8');
  expect(code('test.log_loss')).toBe('`test.log_loss`');
  expect(code('a <b> & *c*')).toBe('`a <b> & *c*`');
  expect(code('')).toBe('');
});

test('what would be markup is text', () => {
  expect(plain('__init__ | [a](b) ![c](d) <img src=x> `e`\n# f')).toBe(
    '&#95;&#95;init&#95;&#95; &#124; &#91;a&#93;(b) !&#91;c&#93;(d) &#60;img src=x&#62; &#96;e&#96; # f',
  );
  expect(plain('# title')).toBe('&#35; title');
  expect(code('a`b|c\\<i>')).toBe('<code>a&#96;b&#124;c&#92;&#60;i&#62;</code>');
});

test('a column of numbers stands to the right', () => {
  expect(table(['Metric', '#Value'], [['`a`', '1']])).toBe('| Metric | Value |\n| --- | ---: |\n| `a` | 1 |');
});

test('whatever the text is, it stays in its cell and decodes to itself', () => {
  const text = fc.string({ unit: fc.constantFrom(...'ab1_ \n|`\\<>&[]()!*~$#"\'é☃'), maxLength: 30 });
  fc.assert(
    fc.property(text, text, (one, other) => {
      const [, , row = ''] = table(['A', 'B'], [[plain(one), code(other)]]).split('\n');
      const cells = row.slice(2, -2).split(' | ');
      expect(row.match(/\|/g)).toHaveLength(3);
      const decoded = cells.map((cell) =>
        cell
          .replace(/^(<code>|`)|(<\/code>|`)$/g, '')
          .replace(/&#(\d+);/g, (_, digits: string) => String.fromCharCode(Number(digits))),
      );
      const shown = (raw: string) => raw.replace(/\s+/g, ' ').trim();
      expect(decoded).toEqual([shown(one), shown(other)]);
      expect(plain(one)).not.toMatch(/[<>`*[\]|\\$~]|&(?!#\d+;)/);
    }),
  );
});
