import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CsvReader } from '../src/csv.ts';

/** All records, read from pieces of some length, or what is wrong. */
function read(text: string, piece: number): [cells: string[], line: number][] | string {
  const records: [string[], number][] = [];
  const reader = new CsvReader(',', (cells, line) => records.push([cells, line]));
  try {
    for (let at = 0; at < text.length; at += piece) reader.write(text.slice(at, at + piece));
    reader.end();
    return records;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The same by csv-parse, which other tables are read with. */
function peer(text: string): [cells: string[], line: number][] | string {
  try {
    const options = { skip_empty_lines: true, bom: true, info: true };
    const records = parse(text, options) as unknown as { record: string[]; info: { lines: number } }[];
    return records.map(({ record, info }) => [record, info.lines]);
  } catch (error) {
    return (error as Error).message;
  }
}

describe('CSV', () => {
  const cell = fc.constantFrom('a', '', '1.5', 'é', '"q"', '"a""b"', '"x,y"', '""', '"l\nm"', ' ');
  const broken = fc.constantFrom('a"b', '"a"b', '"', ' "x"');
  const some = fc.record({
    rows: fc.array(
      fc.array(fc.oneof({ weight: 40, arbitrary: cell }, broken), { minLength: 1, maxLength: 3 }),
    ),
    lineEnd: fc.constantFrom('\n', '\n\n'),
    start: fc.constantFrom('', '\ufeff', '\n'),
    end: fc.constantFrom('', '\n'),
    piece: fc.integer({ min: 1, max: 9 }),
  });

  it('is read as csv-parse reads it, whatever the pieces', () => {
    fc.assert(
      fc.property(some, ({ rows, lineEnd, start, end, piece }) => {
        const text = start + rows.map((row) => row.join(',')).join(lineEnd) + end;
        expect(read(text, piece)).toEqual(peer(text));
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  it.each(['\r\n', '\r'])('may end its lines with %j', (lineEnd) => {
    const text = ['a,b', '"1\r\n2",3', '4,5', ''].join(lineEnd);
    for (const piece of [1, 2, 3, 100])
      expect(read(text, piece)).toEqual([
        [['a', 'b'], 1],
        [['1\r\n2', '3'], 3],
        [['4', '5'], 4],
      ]);
  });
});
