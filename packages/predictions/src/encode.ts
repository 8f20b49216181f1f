import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { messageOf, UserError } from '@mlops/core';
import type { PredictionsRecord } from '@mlops/core/record';
import type { Predictions, Task } from '@mlops/stats';
import { digests } from './digests.ts';
import { Ids } from './ids.ts';
import type { PredictionTable } from './table.ts';
import { sliceOf } from './texts.ts';

/** What stands in the first line, behind `# `. */
interface Head {
  version: 1;
  task: Task;
  classes: readonly string[];
  positive: number | undefined;
  slices: readonly string[];
  duplicates: readonly string[];
  record: PredictionsRecord;
}

/** A gzip'd CSV of the columns that are used, below a line of JSON; the same table gives the same bytes. */
export async function encode(table: PredictionTable): Promise<Buffer> {
  const { predictions: p, record, duplicates } = table;
  const { task, classes, positive } = p;
  const slices = [...table.slices.keys()];
  const head: Head = { version: 1, task, classes, positive, slices, duplicates, record };
  const columns = columnsOf(table);
  const lines = [`# ${JSON.stringify(head)}`, columns.map(([name]) => quoted(name)).join(',')];
  for (let i = 0; i < p.size; i++) lines.push(columns.map(([, cell]) => cell(i)).join(','));
  const bytes = await promisify(gzip)(`${lines.join('\n')}\n`);
  bytes[9] = 255; // The header's operating system, which would differ between runners.
  return bytes;
}

type Column = [name: string, cell: (row: number) => string];

function columnsOf({ predictions: p, idColumn: ids, slices }: PredictionTable): Column[] {
  const columns: Column[] = [];
  const numbers = (name: string, values: ArrayLike<number> | undefined, width = 1, offset = 0) => {
    if (values) columns.push([name, (i) => String(values[i * width + offset])]);
  };
  if (ids) columns.push(['id', (i) => quoted(ids.at(i))]);
  numbers('label', p.label);
  numbers('prediction', p.prediction);
  const width = widthOf(p);
  for (let k = 0; k < width; k++) numbers(`score_${k}`, p.score, width, k);
  numbers('weight', p.weight);
  numbers('query', p.query);
  numbers('latency', p.latency);
  for (const [name, { values, index }] of slices)
    columns.push([`slice_${name}`, (i) => quoted(values[index[i] ?? -1] ?? '')]);
  return columns;
}

function widthOf({ task, classes }: Pick<Predictions, 'task' | 'classes'>): number {
  return task === 'multiclass' ? classes.length : 1;
}

function quoted(text: string): string {
  return /^$|[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What `encode` wrote; anything else, and what its digest does not fit, is a UserError about `what`. */
export async function decode(bytes: Uint8Array, what: string): Promise<PredictionTable> {
  try {
    const text = (await promisify(gunzip)(bytes)).toString('utf8');
    const end = text.indexOf('\n');
    const head = JSON.parse(text.slice(2, end)) as Head;
    if (head.version !== 1) throw new Error(`their version is ${head.version}, and only 1 is known`);
    const { parse } = await import('csv-parse/sync');
    const [names = [], ...rows] = parse(text.slice(end + 1)) as string[][];
    const table = tableIn(head, names, rows);
    const found = digests(table.predictions, table.idColumn);
    if (found.digest !== head.record.digest || found.testSet !== head.record.testSet)
      throw new Error('their digest is not the recorded one');
    return table;
  } catch (error) {
    throw new UserError(`${what} cannot be read: ${messageOf(error)}`, {
      advice: 'They were changed or cut off, or another version wrote them; run the baseline again.',
    });
  }
}

function tableIn(head: Head, names: readonly string[], rows: readonly string[][]): PredictionTable {
  const { task, classes, slices, duplicates, record } = head;
  const size = rows.length;
  const texts = (name: string) => {
    const at = names.indexOf(name);
    return at < 0 ? undefined : rows.map((row) => row[at] ?? '');
  };
  const numbers = (name: string) => {
    const found = texts(name);
    return found && Float64Array.from(found, Number);
  };
  const label = numbers('label');
  if (!label || size !== record.examples)
    throw new Error(`${record.examples} examples are recorded, ${size} found`);
  const named = texts('id');
  const ids = named && new Ids(named);
  const query = numbers('query');
  const width = widthOf(head);
  const scores = Array.from({ length: width }, (_, k) => numbers(`score_${k}`));
  const predictions: Predictions = {
    task,
    size,
    classes,
    positive: head.positive,
    label,
    prediction: numbers('prediction'),
    score:
      scores[0] &&
      Float64Array.from({ length: size * width }, (_, i) => scores[i % width]?.[Math.floor(i / width)] ?? 0),
    weight: numbers('weight'),
    query: query && Int32Array.from(query),
    latency: numbers('latency'),
  };
  return {
    predictions,
    get ids() {
      return ids && [...ids];
    },
    idColumn: ids,
    slices: new Map(slices.map((name) => [name, sliceOf(texts(`slice_${name}`) ?? [])])),
    record,
    duplicates,
  };
}
