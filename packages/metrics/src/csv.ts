import { messageOf, UserError } from '@mlops/core';
import { type CurveRow, curvesOf, stepColumn } from './curves.ts';
import { specialNumber } from './flatten.ts';
import type { FileMetrics } from './read.ts';

/**
 * Reads a table in one of three forms:
 * - two columns, `metric` (or `name`, `key`) and `value`: one metric a row
 * - one row below the header: one metric a column
 * - a `step`, `epoch` or `iteration` column: curves
 */
export async function readCsv(text: string, file: string, delimiter: string): Promise<FileMetrics> {
  const [header = [], ...body] = await readRows(text, file, delimiter);
  if (!body.length)
    throw new UserError(`the table has a header but no rows: ${header.join(delimiter)}`, { file, line: 1 });
  const step = stepColumn(header);
  if (isPairs(header)) return pairs(body, file);
  if (step !== undefined) return curves(header, body, step, file);
  if (body.length === 1) return single(header, body[0] ?? []);
  throw new UserError(
    `the table has ${body.length} rows and no step column, so which row holds the metrics is open`,
    {
      file,
      line: 1,
      advice: `Its columns are ${header.join(', ')}. Add a column 'step' or 'epoch', keep one row, or write the columns 'metric' and 'value'.`,
    },
  );
}

/** The rows of a table, the header first; all of them have as many cells. */
export async function readRows(text: string, file: string, delimiter: string): Promise<string[][]> {
  const { parse } = await import('csv-parse/sync');
  try {
    return parse(text, { delimiter, trim: true, skip_empty_lines: true, bom: true });
  } catch (error) {
    const { lines } = error as { lines?: number };
    throw new UserError(`not a valid table: ${messageOf(error)}`, {
      file,
      ...(lines === undefined ? {} : { line: lines }),
      advice: 'Every row needs as many cells as the header has names.',
    });
  }
}

function isPairs(header: readonly string[]): boolean {
  const [first = '', second = ''] = header.map((name) => name.toLowerCase());
  return header.length === 2 && ['metric', 'name', 'key'].includes(first) && second === 'value';
}

function pairs(body: string[][], file: string): FileMetrics {
  const values = new Map<string, number>();
  const ignored: string[] = [];
  for (const [i, [name = '', cell = '']] of body.entries()) {
    const number = numberIn(cell);
    if (values.has(name)) throw new UserError(`two rows are called '${name}'`, { file, line: i + 2 });
    if (number === undefined) ignored.push(name);
    else values.set(name, number);
  }
  return { values, curves: new Map(), ignored };
}

function single(header: string[], cells: string[]): FileMetrics {
  const numbers = header.map((name, i) => [name, numberIn(cells[i] ?? '')] as const);
  return {
    values: new Map(numbers.flatMap(([name, number]) => (number === undefined ? [] : [[name, number]]))),
    curves: new Map(),
    ignored: numbers.flatMap(([name, number]) => (number === undefined ? [name] : [])),
  };
}

/** Loggers leave a cell empty where a step has no such value: that is no point, not NaN. */
function curves(header: string[], body: string[][], step: string, file: string): FileMetrics {
  const ignored = new Set<string>();
  const rows = body.map((cells, i): CurveRow => {
    const values = new Map<string, number>();
    for (const [column, name] of header.entries()) {
      const cell = cells[column] ?? '';
      const number = cell === '' ? undefined : numberIn(cell);
      if (number !== undefined) values.set(name, number);
      else if (name === step)
        throw new UserError(`'${step}' must be a number in every row, but here it is '${cell}'`, {
          file,
          line: i + 2,
        });
      else if (cell !== '') ignored.add(name);
    }
    return { line: i + 2, values };
  });
  return { values: new Map(), curves: curvesOf(rows, file), ignored: [...ignored] };
}

/** A number, a boolean as 0 or 1, an empty cell as NaN, as which pandas writes it; undefined for other text. */
export function numberIn(cell: string): number | undefined {
  if (cell === '') return Number.NaN;
  if (/^(true|false)$/i.test(cell)) return Number(cell.toLowerCase() === 'true');
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(cell) ? Number(cell) : specialNumber(cell);
}
