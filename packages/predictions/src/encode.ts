import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { messageOf, UserError } from '@mlops/core';
import type { PredictionsRecord } from '@mlops/core/record';
import type { Predictions, Task } from '@mlops/stats';
import { CsvReader } from './csv.ts';
import { digests } from './digests.ts';
import { Growing } from './growing.ts';
import { Ids } from './ids.ts';
import type { PredictionTable } from './table.ts';
import { Texts } from './texts.ts';

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
  const parts: Buffer[] = [];
  let text = `# ${JSON.stringify(head)}\n${columns.map(([name]) => quoted(name)).join(',')}\n`;
  for (let i = 0; i < p.size; i++) {
    text += `${columns.map(([, cell]) => cell(i)).join(',')}\n`;
    if (text.length < 1 << 16) continue;
    parts.push(Buffer.from(text));
    text = '';
  }
  const bytes = await promisify(gzip)(Buffer.concat([...parts, Buffer.from(text)]));
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
    const table = tableIn(head, text.slice(end + 1));
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

function tableIn(head: Head, text: string): PredictionTable {
  const { task, classes, slices, duplicates, record } = head;
  const { ids, numbers, texts } = columnsIn(text);
  const label = numbers.get('label')?.toArray();
  const size = label?.length ?? 0;
  if (!label || size !== record.examples)
    throw new Error(`${record.examples} examples are recorded, ${size} found`);
  const query = numbers.get('query')?.toArray();
  const width = widthOf(head);
  const scores = Array.from({ length: width }, (_, k) => numbers.get(`score_${k}`)?.toArray());
  const predictions: Predictions = {
    task,
    size,
    classes,
    positive: head.positive,
    label,
    prediction: numbers.get('prediction')?.toArray(),
    score: scores[0] && interleaved(scores, size),
    weight: numbers.get('weight')?.toArray(),
    query: query && Int32Array.from(query),
    latency: numbers.get('latency')?.toArray(),
  };
  return {
    predictions,
    get ids() {
      return ids && [...ids];
    },
    idColumn: ids,
    slices: new Map(slices.map((name) => [name, (texts.get(`slice_${name}`) ?? new Texts()).toSlice()])),
    record,
    duplicates,
  };
}

/** The columns of CSV by their names, as `encode` calls them. */
function columnsIn(text: string) {
  const numbers = new Map<string, Growing<Float64Array<ArrayBuffer>>>();
  const texts = new Map<string, Texts>();
  let ids: Ids | undefined;
  const adderOf = (name: string): ((cell: string) => void) => {
    if (name === 'id') {
      const column = new Ids();
      ids = column;
      return (id) => column.add(id);
    }
    if (name.startsWith('slice_')) {
      const column = new Texts();
      texts.set(name, column);
      return (cell) => column.add(cell);
    }
    const column = new Growing(Float64Array);
    numbers.set(name, column);
    return (cell) => column.push(Number(cell));
  };
  let add: ((cell: string) => void)[] | undefined;
  const reader = new CsvReader(',', (cells) => {
    if (!add) add = cells.map(adderOf);
    else for (const [i, cell] of cells.entries()) add[i]?.(cell);
  });
  reader.write(text);
  reader.end();
  return { ids: ids as Ids | undefined, numbers, texts };
}

/** The scores of all classes, example by example. */
function interleaved(columns: readonly (Float64Array | undefined)[], size: number): Float64Array {
  const width = columns.length;
  const scores = new Float64Array(size * width);
  for (const [k, column] of columns.entries())
    for (let i = 0; i < size; i++) scores[i * width + k] = column?.[i] ?? 0;
  return scores;
}
