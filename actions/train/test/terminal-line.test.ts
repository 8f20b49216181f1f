import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { terminalLine, withoutColours } from '../src/terminal-line.ts';

const shown = (line: string) => terminalLine(line).text;

describe('what a terminal shows of a line', () => {
  test.each([
    ['plain text', 'plain text', 'plain text'],
    ['colours', '\x1b[1;31mred\x1b[0m', '\x1b[1;31mred\x1b[0m'],
    ['an erased line', 'old\x1b[2K\x1b[1Gnew', 'new'],
    ['an erased tail', 'abcdef\x1b[3G\x1b[K', 'ab'],
    ['an erased head', 'abcdef\x1b[2G\x1b[1K', '  cdef'],
    ['backspaces that are written over', '  5%\b\b\b\b 10%', ' 10%'],
    [
      'backspaces that nothing is written over, as Keras leaves them',
      '3/10 loss: 0.5\b\b\b\b\b',
      '3/10 loss: 0.5',
    ],
    ['movements', 'abc\x1b[2DX\x1b[2CY', 'aXc Y'],
    ['a jump beyond every screen', `a\x1b[999999999Cb`, `a${' '.repeat(511)}b`],
    ['a link', '\x1b]8;;https://example.org\x07link\x1b]8;;\x07', 'link'],
    ['a hidden cursor and a character set', '\x1b[?25l\x1b(Bx\x1b[?25h', 'x'],
    ['a sequence that is cut off', 'x\x1b', 'x'],
  ])('%s', (_, line, text) => {
    expect(terminalLine(line)).toEqual({ text, movesUp: false });
  });

  test.each(['\x1b[1A\x1b[2Kbar', '\x1b[2Fbar', '\x1b[Hbar', '\x1b8bar', '\x1b[ubar'])(
    '%j is written over other lines',
    (line) => {
      expect(terminalLine(line)).toEqual({ text: 'bar', movesUp: true });
    },
  );

  test('what has no sequences stays as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (line) => {
        fc.pre(!line.includes('\x1b') && !line.includes('\b'));
        expect(shown(line)).toBe(line);
      }),
    );
  });

  test('no backspace and no sequence but colours is left, whatever comes', () => {
    const part = fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.constantFrom('\b', '\x1b[K', '\x1b[2K', '\x1b[3G', '\x1b[A', '\x1b[32m', '\x1b[0m', '\x1b[2D', '😀'),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const text = withoutColours(shown(parts.join('')));
        expect(text).not.toContain('\b');
        expect(text).not.toContain('\x1b[');
      }),
    );
  });
});
