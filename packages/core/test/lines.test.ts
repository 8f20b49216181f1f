import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LineSplitter } from '../src/lines.ts';

function split(chunks: readonly Uint8Array[], longest?: number): [line: string, end: string][] {
  const lines: [string, string][] = [];
  const splitter = new LineSplitter((line, end) => lines.push([line, end]), longest);
  for (const chunk of chunks) splitter.write(chunk);
  splitter.end();
  return lines;
}

const bytes = (...texts: string[]) => texts.map((text) => Buffer.from(text));

describe('lines', () => {
  test('tell how they ended', () => {
    expect(split(bytes('a\nb\r\nc\rd'))).toEqual([
      ['a', '\n'],
      ['b', '\n'],
      ['c', '\r'],
      ['d', '\n'],
    ]);
  });

  test('end in \\r\\n also where the two come apart', () => {
    expect(split(bytes('a\r', '\nb\r', 'c\r'))).toEqual([
      ['a', '\n'],
      ['b', '\r'],
      ['c', '\r'],
    ]);
  });

  test('may be empty, and nothing is no line', () => {
    expect(split(bytes('\n\r\r\n'))).toEqual([
      ['', '\n'],
      ['', '\r'],
      ['', '\n'],
    ]);
    expect(split(bytes('', ''))).toEqual([]);
  });

  test('keep characters whole that come in parts', () => {
    const [first, second] = [Buffer.from('é€😀').subarray(0, 3), Buffer.from('é€😀').subarray(3)];
    expect(split([first, second])).toEqual([['é€😀', '\n']]);
  });

  test('that are too long are cut, with a mark that they go on', () => {
    expect(split(bytes('abcd\nabcde', 'fghij\n'), 4)).toEqual([
      ['abcd', '\n'],
      ['abcd', ''],
      ['efgh', ''],
      ['ij', '\n'],
    ]);
  });

  test('are not cut within a character', () => {
    expect(split(bytes('abc😀d'), 4)).toEqual([
      ['abc', ''],
      ['😀d', '\n'],
    ]);
  });
});

const text = fc
  .array(fc.oneof(fc.constantFrom('\r', '\n', '\r\n', '😀', 'é'), fc.string({ maxLength: 4 })), {
    maxLength: 30,
  })
  .map((parts) => parts.join(''));

test('do not depend on how the bytes are cut into chunks', () => {
  fc.assert(
    fc.property(text, fc.array(fc.nat(3)), fc.integer({ min: 2, max: 12 }), (text, sizes, longest) => {
      const whole = Buffer.from(text);
      const chunks: Buffer[] = [];
      let from = 0;
      for (const size of sizes) {
        chunks.push(whole.subarray(from, from + size));
        from += size;
      }
      chunks.push(whole.subarray(from));
      expect(split(chunks, longest)).toEqual(split([whole], longest));
    }),
  );
});

test('hold all of the text, in parts that are not too long', () => {
  fc.assert(
    fc.property(text, fc.integer({ min: 2, max: 12 }), (text, longest) => {
      const lines = split(bytes(text), longest);
      const ended = Buffer.from(text).toString().replace(/\r\n/g, '\n');
      expect(lines.map(([line, end]) => line + end).join('')).toBe(
        ended && !/[\r\n]$/.test(ended) ? `${ended}\n` : ended,
      );
      for (const [line] of lines) expect(line.length).toBeLessThanOrEqual(longest);
    }),
  );
});
