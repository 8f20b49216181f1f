import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createGunzip } from 'node:zlib';
import { messageOf, UserError } from '@mlops/core';
import { CsvReader, TableError } from './csv.ts';

/** What stands in a row under a column; lists and mappings hold scores by class. */
export type Cell = unknown;

/** Takes a row: its cells by column, and the 1-based line (JSON arrays: element) it stands in. */
export type TakeRow = (names: readonly string[], cells: readonly Cell[], line: number) => void;

/** Hands on every row of a CSV, TSV, JSON lines or JSON file, any of them as `.gz` too, or of a Parquet or NumPy file. */
export async function eachRow(path: string, file: string, take: TakeRow): Promise<void> {
  await refuseOtherText(path, file);
  const name = path.toLowerCase().replace(/\.gz$/, '');
  if (name.endsWith('.csv')) return delimited(path, file, ',', take);
  if (name.endsWith('.tsv')) return delimited(path, file, '\t', take);
  if (/\.(jsonl|ndjson)$/.test(name)) return jsonLines(path, file, take);
  if (name.endsWith('.json')) return jsonArray(path, file, take);
  if (name.endsWith('.parquet')) return (await import('./parquet.ts')).eachParquetRow(path, file, take);
  if (/\.np[yz]$/.test(name)) return (await import('./numpy.ts')).eachNumpyRow([path], [file], take);
  throw new UserError('predictions in this format cannot be read', {
    file,
    advice:
      'Write .csv, .tsv, .jsonl, .ndjson or .json, each of which may be compressed as .gz, or .parquet, .npz or .npy.',
  });
}

/** Several files of which each holds one column. */
export async function eachRowOfColumns(
  paths: readonly string[],
  files: readonly string[],
  take: TakeRow,
): Promise<void> {
  for (const [i, path] of paths.entries()) await refuseOtherText(path, files[i] as string);
  return (await import('./numpy.ts')).eachNumpyRow(paths, files, take);
}

async function refuseOtherText(path: string, file: string): Promise<void> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(64), 0, 64, 0);
    const start = buffer.subarray(0, bytesRead);
    if (!bytesRead) throw new UserError('the file is empty', { file });
    if (start.toString('latin1').startsWith('version https://git-lfs'))
      throw new UserError('the file is a Git LFS pointer, not the predictions', {
        file,
        advice: 'Check out with `lfs: true`.',
      });
    if ((start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff))
      throw new UserError('the file is UTF-16', { file, advice: 'Write it as UTF-8.' });
  } finally {
    await handle.close();
  }
}

function textOf(path: string): Readable {
  const raw = createReadStream(path);
  if (!path.toLowerCase().endsWith('.gz')) return raw;
  const text = createGunzip();
  raw.on('error', (error) => text.destroy(error));
  return raw.pipe(text);
}

async function delimited(path: string, file: string, delimiter: ',' | '\t', take: TakeRow): Promise<void> {
  let names: string[] | undefined;
  const reader = new CsvReader(delimiter, (cells, line) => {
    if (names) take(names, cells, line);
    else names = headerOf(cells, file);
  });
  try {
    const decoder = new StringDecoder('utf8');
    for await (const chunk of textOf(path)) reader.write(decoder.write(chunk as Buffer));
    reader.write(decoder.end());
    reader.end();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`not a valid table: ${messageOf(error)}`, {
      file,
      line: error instanceof TableError ? error.line : undefined,
      advice: 'Every row needs as many cells as the header has names.',
    });
  }
}

function headerOf(record: readonly string[], file: string): string[] {
  const names = record.map((name) => name.trim());
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new UserError(`two columns are called '${twice}'`, { file, line: 1 });
  return names;
}

async function jsonLines(path: string, file: string, take: TakeRow): Promise<void> {
  const source = textOf(path);
  const lines = createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY });
  const takeRow = objectTaker(file, take);
  let line = 0;
  try {
    for await (const text of lines) {
      line++;
      if (text.trim()) takeRow(parsed(text.replace(/^\uFEFF/, ''), file, line), line);
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot be read: ${messageOf(error)}`, { file });
  }
}

async function jsonArray(path: string, file: string, take: TakeRow): Promise<void> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of textOf(path)) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new UserError(`cannot be read: ${messageOf(error)}`, { file });
  }
  const rows = parsed(
    Buffer.concat(chunks)
      .toString('utf8')
      .replace(/^\uFEFF/, ''),
    file,
    undefined,
  );
  if (!Array.isArray(rows))
    throw new UserError('the file holds no list', {
      file,
      advice: 'Write a list with an object for each example.',
    });
  const takeRow = objectTaker(file, take);
  for (const [i, row] of rows.entries()) takeRow(row, i + 1);
}

function parsed(text: string, file: string, line: number | undefined): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(`not valid JSON: ${messageOf(error)}`, {
      file,
      line,
      advice: 'NaN and Infinity are no JSON, and no predictions.',
    });
  }
}

/** Takes objects; as long as they have the same names in the same order, these are the same array. */
function objectTaker(file: string, take: TakeRow): (row: unknown, line: number) => void {
  let names: string[] = [];
  return (row, line) => {
    if (row === null || typeof row !== 'object' || Array.isArray(row))
      throw new UserError(`an example must be an object, but here it is ${JSON.stringify(row)}`, {
        file,
        line,
      });
    const keys = Object.keys(row);
    if (keys.length !== names.length || keys.some((key, i) => key !== names[i])) names = keys;
    take(names, Object.values(row), line);
  };
}
