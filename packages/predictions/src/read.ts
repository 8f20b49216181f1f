import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { posix, resolve } from 'node:path';
import { type Place, UserError } from '@mlops/core';
import type { PredictionsRecord } from '@mlops/core/record';
import { type Columns, type Found, findColumns } from './columns.ts';
import { type Example, Examples } from './examples.ts';
import { type Cell, eachRow, eachRowOfColumns, type TakeRow } from './rows.ts';
import { isClassification, type PredictionTable, tableOf } from './table.ts';
import { taskOf } from './task.ts';

/**
 * Reads the predictions of one model from files below `folder`; several are parts that follow each other, a folder is
 * all its files. What is missing, not finite or ambiguous is a UserError with the file, line and value.
 */
export async function readPredictions(
  folder: string,
  files: readonly string[],
  columns: Columns,
  shown: (path: string) => string = (path) => path,
): Promise<PredictionTable> {
  let { examples, read } = await readAll(folder, files, columns, shown);
  const task = examples.told ?? taskOf(examples);
  // Labels that looked like numbers, nearly all different, turned out to be classes: now their names are kept.
  if (isClassification(task) && !examples.knowsNames)
    ({ examples, read } = await readAll(folder, files, { ...columns, task }, shown));
  return tableOf(examples, task, columns.positive, read);
}

async function readAll(
  folder: string,
  files: readonly string[],
  columns: Columns,
  shown: (path: string) => string,
): Promise<{ examples: Examples; read: PredictionsRecord['files'] }> {
  const read: PredictionsRecord['files'] = [];
  let examples: Examples | undefined;
  for (const paths of inParts(await expand(folder, files))) {
    const shownPaths = paths.map(shown);
    const file = shownPaths.join(', ');
    let found: Found | undefined;
    let seen: readonly string[] = [];
    let at = new Map<string, number>();
    const take: TakeRow = (names, cells, line) => {
      if (!found) {
        found = findColumns(names, columns, file);
        examples ??= new Examples(found, columns.task, file);
        if (Boolean(examples.found.id) !== Boolean(found.id))
          throw new UserError('some files have ids and others have none', { file });
      }
      if (names !== seen) at = new Map(names.map((name, i) => [name, i]));
      seen = names;
      const place = { file, line };
      examples?.add(
        exampleOf(found, (column) => cells[at.get(column) ?? -1], place),
        place,
      );
    };
    const absolute = paths.map((path) => resolve(folder, path));
    const [only = ''] = absolute;
    await (paths.length > 1 ? eachRowOfColumns(absolute, shownPaths, take) : eachRow(only, file, take));
    if (!found)
      throw new UserError('the file holds no examples', { file, advice: 'Write a row for each example.' });
    for (const [i, path] of absolute.entries())
      read.push({ path: shownPaths[i] as string, ...(await digestOf(path)) });
  }
  if (!examples) throw new UserError('no file of predictions was found', { file: files.join(', ') });
  return { examples, read };
}

/** Files that follow each other; those that hold a column each belong together. */
function inParts(paths: readonly string[]): string[][] {
  const isColumn = (path: string) => path.toLowerCase().endsWith('.npy');
  const columns = paths.filter(isColumn);
  return [
    ...paths.filter((path) => !isColumn(path)).map((path) => [path]),
    ...(columns.length ? [columns] : []),
  ];
}

function exampleOf(found: Found, cell: (column: string) => Cell, place: Place): Example {
  const of = (column: string | undefined) =>
    column === undefined ? undefined : needed(cell(column), column, place);
  return {
    id: asText(of(found.id)),
    label: of(found.label),
    prediction: of(found.prediction),
    score: found.classScores.size
      ? Object.fromEntries([...found.classScores].map(([name, column]) => [name, of(column)]))
      : of(found.score),
    weight: of(found.weight),
    query: asText(of(found.query)),
    latency: of(found.latency),
    slices: found.slices.map((column) => String(cell(column) ?? '')),
  };
}

function asText(value: Cell): string | undefined {
  return value === undefined ? undefined : String(value);
}

function needed(value: Cell, column: string, place: Place): Cell {
  if (value === undefined || value === null || value === '')
    throw new UserError(`'${column}' is missing`, {
      ...place,
      advice: 'Every example needs a value; leave out whole examples, not cells.',
    });
  return value;
}

async function expand(folder: string, paths: readonly string[]): Promise<string[]> {
  const all: string[] = [];
  for (const path of paths) {
    const found = await stat(resolve(folder, path)).catch(() => undefined);
    if (!found)
      throw new UserError(`the file of predictions '${path}' does not exist`, {
        advice: `Name a file below '${folder}' that an earlier step wrote.`,
      });
    if (!found.isDirectory()) all.push(path);
    else {
      // Names that begin so are marks of what wrote the folder, such as Spark's `_SUCCESS`.
      const names = (await readdir(resolve(folder, path))).filter((name) => !/^[._]/.test(name)).sort();
      all.push(
        ...(await expand(
          folder,
          names.map((name) => posix.join(path, name)),
        )),
      );
    }
  }
  return all;
}

async function digestOf(path: string): Promise<{ digest: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { digest: `sha256:${hash.digest('hex')}`, bytes };
}
