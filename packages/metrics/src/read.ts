import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { nearest, show, UserError } from '@mlops/core';
import type { CurvePoint } from './curves.ts';
import { flatten } from './flatten.ts';
import { excerpt, parseJson } from './json.ts';
import { readJsonLines } from './json-lines.ts';

/** What one file says. */
export interface FileMetrics {
  values: Map<string, number>;
  /** Lists of numbers, such as one for each fold. */
  lists?: Map<string, number[]>;
  curves: Map<string, CurvePoint[]>;
  /** Names of values that are no numbers. */
  ignored: string[];
}

export interface Metrics {
  values: Map<string, number>;
  /** Lists of numbers, such as one for each fold. */
  lists: Map<string, number[]>;
  curves: Map<string, CurvePoint[]>;
  /** `file: name` of each value that is no number. */
  ignored: string[];
}

type Reader = (text: string, file: string) => FileMetrics | Promise<FileMetrics>;

const readers: Readonly<Record<string, Reader>> = {
  '.json': (text, file) => fromMapping(parseJson(text, file), text, file),
  '.yaml': fromYaml,
  '.yml': fromYaml,
  '.csv': async (text, file) => (await import('./csv.ts')).readCsv(text, file, ','),
  '.tsv': async (text, file) => (await import('./csv.ts')).readCsv(text, file, '\t'),
  '.jsonl': readJsonLines,
  '.ndjson': readJsonLines,
};

/**
 * Reads metrics and curves from several files. A curve's last value is a metric as well, unless a file has a metric of
 * that name. `shown` makes a name that a reader finds out of a path.
 */
export async function readMetrics(
  folder: string,
  files: readonly string[],
  shown: (path: string) => string = (path) => path,
): Promise<Metrics> {
  const all: Metrics = { values: new Map(), lists: new Map(), curves: new Map(), ignored: [] };
  const origin = new Map<string, string>();
  for (const path of files) {
    const file = shown(path);
    const { values, lists = new Map(), curves, ignored } = await readFileMetrics(resolve(folder, path), file);
    for (const [name, value] of values) {
      once(origin, name, file, 'metric');
      all.values.set(name, value);
    }
    for (const [name, list] of lists) {
      once(origin, name, file, 'metric');
      all.lists.set(name, list);
    }
    for (const [name, points] of curves) {
      once(origin, `${name} `, file, 'curve');
      all.curves.set(name, points);
    }
    all.ignored.push(...ignored.map((name) => `${file}: ${name}`));
  }
  for (const [name, points] of all.curves) {
    const last = points.at(-1);
    if (last && !all.values.has(name)) all.values.set(name, last.value);
  }
  return all;
}

/** Why metrics cannot be read from a file of this name. */
export function formatProblem(path: string, file: string): UserError | undefined {
  const extension = extname(path).toLowerCase();
  if (readers[extension]) return undefined;
  const why = extension ? `the format '${extension}' is not known` : 'it has no extension';
  return new UserError(`metrics cannot be read from '${file}': ${why}`, {
    advice: `Write them as one of ${Object.keys(readers).join(', ')}; JSON is the simplest.`,
  });
}

/** Reads one file; `file` is what a reader calls it. */
export async function readFileMetrics(path: string, file: string): Promise<FileMetrics> {
  const reader = readers[extname(path).toLowerCase()];
  if (!reader) throw formatProblem(path, file);
  const text = await readText(path, file);
  const metrics = await reader(text, file);
  if (!metrics.values.size && !metrics.lists?.size && !metrics.curves.size)
    throw new UserError(`there is no number in it: ${excerpt(text)}`, {
      file,
      line: 1,
      advice: 'Write each metric as a name and a number, such as {"accuracy": 0.93}.',
    });
  return metrics;
}

/** The text of a file that must be there and hold something. */
export async function readText(path: string, file: string): Promise<string> {
  return decode(await contentOf(path, file), file);
}

async function contentOf(path: string, file: string): Promise<Buffer> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw await notFound(path, file);
  if (!found.isFile())
    throw new UserError(`'${file}' is a folder, not a file with metrics`, {
      advice: `It holds: ${(await readdir(path)).slice(0, 10).join(', ') || 'nothing'}. Name the file in the input 'metrics'.`,
    });
  const bytes = await readFile(path);
  if (!bytes.toString('utf8').trim())
    throw new UserError('the file is empty', {
      file,
      line: 1,
      advice: 'Was it closed, or flushed, before the command ended?',
    });
  return bytes;
}

async function notFound(path: string, file: string): Promise<UserError> {
  const beside = await readdir(dirname(path)).catch(() => undefined);
  const near = beside && nearest(basename(path), beside);
  const advice = !beside
    ? `Its folder does not exist either.`
    : near
      ? `Did you mean '${near}'? It is in the same folder.`
      : `Its folder holds: ${beside.slice(0, 10).join(', ') || 'nothing'}.`;
  return new UserError(`the metrics file '${file}' does not exist`, { advice });
}

function decode(bytes: Buffer, file: string): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe)
    throw new UserError('the file is UTF-16, not UTF-8', {
      file,
      line: 1,
      advice:
        "PowerShell's '>' writes it so: use 'Out-File -Encoding utf8', or write the file from the program.",
    });
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(
      `the file is not text in UTF-8; it begins with the bytes ${bytes.toString('hex', 0, 12)}`,
      {
        file,
        advice: 'Is this the model instead of its metrics?',
      },
    );
  }
  if (text.startsWith('version https://git-lfs.github.com/spec/'))
    throw new UserError('this is a Git LFS pointer, not the file itself', {
      file,
      line: 1,
      advice: "Check out with 'lfs: true', or have the command write the file.",
    });
  return text;
}

async function fromYaml(text: string, file: string): Promise<FileMetrics> {
  const { parseYaml } = await import('./yaml.ts');
  return fromMapping(await parseYaml(text, file), text, file);
}

function fromMapping(root: unknown, text: string, file: string): FileMetrics {
  if (!root || typeof root !== 'object' || Array.isArray(root))
    throw new UserError(`metrics must be a mapping of names to numbers, but this is ${show(root)}`, {
      file,
      line: 1,
      advice: Array.isArray(root)
        ? 'For values over time, write one object a line into a .jsonl file.'
        : `The file begins with ${excerpt(text)}.`,
    });
  const { numbers, lists, ignored } = flatten(root as Record<string, unknown>, file);
  return { values: numbers, lists, curves: new Map(), ignored };
}

function once(origin: Map<string, string>, name: string, file: string, kind: string): void {
  const first = origin.get(name);
  if (first !== undefined)
    throw new UserError(`the ${kind} '${name.trim()}' is in ${first} and in ${file}`, {
      file,
      advice: `Rename it in one of them, or nest it: {"validation": {"${name.trim()}": …}}.`,
    });
  origin.set(name, file);
}
