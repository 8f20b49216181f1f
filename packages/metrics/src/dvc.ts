import { type Dirent, existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { extname, join, posix } from 'node:path';
import { numberIn, readRows } from './csv.ts';
import { type CurvePoint, stepColumn } from './curves.ts';
import { parseJson } from './json.ts';
import { formatProblem, type Metrics, readFileMetrics, readText } from './read.ts';
import { parseYaml } from './yaml.ts';

/**
 * A plot of dvc.yaml: a file, a folder of files, or a name with the files of its lines in `y`.
 * https://dvc.org/doc/user-guide/project-structure/dvcyaml-files#plots
 */
export interface DvcPlot {
  name: string;
  x?: string | Record<string, string>;
  y?: string | string[] | Record<string, string | string[]>;
}

type Shown = (path: string) => string;

/**
 * Reads the metrics files of a DVC project, and all files of folders among them. Names that more than one file has get
 * the file's path before them, as in `scores.fold-1.accuracy`.
 */
export async function readDvcMetrics(
  folder: string,
  paths: readonly string[],
  shown: Shown,
): Promise<Metrics & { files: string[] }> {
  const files = (await Promise.all(paths.map((path) => filesAt(folder, path)))).flat();
  const read = await Promise.all(
    [...new Set(files)].map(async (file) => ({
      file,
      metrics: await readFileMetrics(join(folder, file), shown(file)),
    })),
  );
  const values = namedApart(read.map(({ file, metrics }) => ({ file, entries: metrics.values })));
  const curves = namedApart(read.map(({ file, metrics }) => ({ file, entries: metrics.curves })));
  const lists = namedApart(
    read.map(({ file, metrics }) => ({ file, entries: metrics.lists ?? new Map<string, number[]>() })),
  );
  const ignored = read.flatMap(({ file, metrics }) =>
    metrics.ignored.map((name) => `${shown(file)}: ${name}`),
  );
  return { values, lists, curves, ignored, files: [...new Set(files)] };
}

/** The files that the lines of a plot are in, as far as names tell: pictures have none. */
export function plotFiles({ name, x, y }: DvcPlot): string[] {
  const filesOf = (axis: DvcPlot['x'] | DvcPlot['y']) =>
    typeof axis === 'object' && !Array.isArray(axis) ? Object.keys(axis) : [];
  const named = [...filesOf(x), ...filesOf(y)];
  const files = filesOf(y).length ? named : [name, ...named];
  return [...new Set(files)].filter((file) => !/\.(png|jpe?g|gif|svg|webp)$/i.test(file));
}

/**
 * The curves of plots, a column of numbers each. Files that are not there or hold no table, such as pictures, have none,
 * and neither have columns of text, such as those of a confusion matrix.
 */
export async function readDvcPlots(
  folder: string,
  plots: readonly DvcPlot[],
  shown: Shown,
): Promise<Map<string, CurvePoint[]>> {
  const found: { file: string; entries: Map<string, CurvePoint[]> }[] = [];
  for (const plot of plots)
    for (const named of plotFiles(plot))
      for (const file of await filesAt(folder, named)) {
        if (!existsSync(join(folder, file))) continue;
        const table = await readTable(join(folder, file), shown(file));
        const entries = table && curvesOf(table, axesOf(plot, named, file));
        if (entries?.size) found.push({ file, entries });
      }
  return namedApart(mergedByFile(found));
}

type Table = Record<string, unknown>[];

interface Axes {
  x: string | undefined;
  /** Columns; undefined for all. */
  y: readonly string[] | undefined;
  /** The curve's name, where its place tells it. */
  name: string | undefined;
}

function axesOf({ x, y }: DvcPlot, named: string, file: string): Axes {
  const ofFile = typeof y === 'object' && !Array.isArray(y) ? y[named] : y;
  return {
    // A column of another file, or of this one, by its name.
    x: typeof x === 'object' ? (x[named] ?? Object.values(x)[0]) : x,
    y: ofFile === undefined ? undefined : [ofFile].flat(),
    name: liveName(file),
  };
}

/** DVCLive writes a file for each metric: `dvclive/plots/metrics/train/loss.tsv` is `train.loss`. */
function liveName(file: string): string | undefined {
  const [, below] = /(?:^|\/)plots\/metrics\/(.+)\.tsv$/.exec(file) ?? [];
  return below?.replaceAll('/', '.');
}

function curvesOf(table: Table, { x, y, name }: Axes): Map<string, CurvePoint[]> {
  const columns = [...new Set(table.flatMap(Object.keys))];
  const step = x ?? stepColumn(columns);
  const wanted = y ?? columns.filter((column) => column !== step && column !== 'timestamp');
  const curves = new Map<string, CurvePoint[]>();
  for (const column of wanted) {
    const points = table.flatMap((row, i): CurvePoint[] => {
      const value = numberOf(row[column]);
      const at = step === undefined ? undefined : numberOf(row[step]);
      return value === undefined ? [] : [{ step: at !== undefined && Number.isFinite(at) ? at : i, value }];
    });
    // Fewer numbers than rows are labels that happen to look like numbers.
    const isText = table.some(
      (row) => typeof row[column] === 'string' && numberOf(row[column]) === undefined,
    );
    if (points.length && !isText) curves.set((wanted.length === 1 && name) || column, points);
  }
  return curves;
}

function numberOf(cell: unknown): number | undefined {
  if (typeof cell === 'number') return cell;
  return typeof cell === 'string' && cell !== '' ? numberIn(cell) : undefined;
}

/** The rows of a table in any format that DVC draws; undefined for a file that holds none. */
async function readTable(path: string, file: string): Promise<Table | undefined> {
  const extension = extname(path).toLowerCase();
  if (extension === '.csv' || extension === '.tsv') {
    const [header = [], ...body] = await readRows(
      await readText(path, file),
      file,
      extension === '.csv' ? ',' : '\t',
    );
    return body.map((cells) => Object.fromEntries(header.map((name, i) => [name, cells[i]])));
  }
  if (extension === '.json') return firstTable(parseJson(await readText(path, file), file));
  if (extension === '.yaml' || extension === '.yml')
    return firstTable(await parseYaml(await readText(path, file), file));
  return undefined;
}

/** The first list of mappings, wherever it stands. */
function firstTable(value: unknown): Table | undefined {
  if (Array.isArray(value)) return value.length && value.every(isRecord) ? (value as Table) : undefined;
  if (!isRecord(value)) return undefined;
  for (const inner of Object.values(value)) {
    const table = firstTable(inner);
    if (table) return table;
  }
  return undefined;
}

/** The file at a path, or all files in a folder; the path itself when there is nothing. */
async function filesAt(folder: string, path: string): Promise<string[]> {
  const found = await stat(join(folder, path)).catch(() => undefined);
  if (!found?.isDirectory()) return [path];
  const entries: Dirent[] = await readdir(join(folder, path), { withFileTypes: true });
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isDirectory() || !formatProblem(entry.name, entry.name))
      .map((entry) => filesAt(folder, posix.join(path, entry.name))),
  );
  return files.flat().sort();
}

/** Several plots may draw columns of one file. */
function mergedByFile<T>(
  found: readonly { file: string; entries: ReadonlyMap<string, T> }[],
): { file: string; entries: Map<string, T> }[] {
  const files = new Map<string, Map<string, T>>();
  for (const { file, entries } of found) files.set(file, new Map([...(files.get(file) ?? []), ...entries]));
  return [...files].map(([file, entries]) => ({ file, entries }));
}

function namedApart<T>(files: readonly { file: string; entries: ReadonlyMap<string, T> }[]): Map<string, T> {
  const uses = new Map<string, number>();
  for (const { entries } of files)
    for (const name of entries.keys()) uses.set(name, (uses.get(name) ?? 0) + 1);
  return new Map(
    files.flatMap(({ file, entries }) =>
      [...entries].map(([name, value]): [string, T] => [
        (uses.get(name) ?? 0) > 1 ? `${file.replace(/\.[^./]*$/, '').replaceAll('/', '.')}.${name}` : name,
        value,
      ]),
    ),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
