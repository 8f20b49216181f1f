import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Columns, decode, encode, pairUp, readPredictions } from '../src/index.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'predictions-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function read(name: string, content: string | Buffer, columns: Columns = {}) {
  await writeFile(join(folder, name), content);
  return readPredictions(folder, [name], columns);
}

describe('reading', () => {
  it('gives the same digests for every format and order of the rows', async () => {
    const csv = 'id,label,score\na,1,0.9\nb,0,0.2\n';
    const json = [
      { id: 'b', label: 0, score: 0.2 },
      { id: 'a', label: 1, score: 0.9 },
    ];
    const tables = await Promise.all([
      read('a.csv', csv),
      read('a.tsv', csv.replaceAll(',', '\t')),
      read('b.csv.gz', gzipSync(csv)),
      read('a.jsonl', json.map((row) => JSON.stringify(row)).join('\n')),
      read('a.json', JSON.stringify(json)),
    ]);
    expect(new Set(tables.map((table) => table.record.digest)).size).toBe(1);
    expect(new Set(tables.map((table) => table.record.testSet)).size).toBe(1);
    expect(tables[0]?.predictions).toMatchObject({ task: 'binary', positive: 1, classes: ['0', '1'] });
    expect([...(tables[0]?.predictions.prediction ?? [])]).toEqual([1, 0]);
  });

  it('takes no class from scores that are no probabilities', async () => {
    const { predictions } = await read('logits.csv', 'label,score\n1,2.5\n0,-1\n');
    expect(predictions.score).toEqual(Float64Array.from([2.5, -1]));
    expect(predictions.prediction).toBeUndefined();
  });

  it('reads a folder part by part, without the marks of what wrote it', async () => {
    const parts = join(folder, 'a folder');
    await mkdir(parts);
    await writeFile(join(parts, 'part-1.csv'), 'id,label,prediction\nb,0,1\n');
    await writeFile(join(parts, 'part-0.csv'), 'id,label,prediction\na,1,1\n');
    await writeFile(join(parts, '_SUCCESS'), '');
    await writeFile(join(parts, '.part-0.csv.crc'), 'crc');
    const table = await readPredictions(folder, ['a folder'], {});
    expect(table.ids).toEqual(['a', 'b']);
    expect(table.record.files.map(({ path }) => path)).toEqual([
      'a folder/part-0.csv',
      'a folder/part-1.csv',
    ]);
  });

  it('says where a file was cut off', async () => {
    await expect(read('cut.csv', 'id,label,prediction\na,1,1\nb,0')).rejects.toThrow(/^not a valid table: /);
    const whole = gzipSync('id,label,prediction\na,1,1\nb,0,1\n');
    await expect(read('cut.csv.gz', whole.subarray(0, whole.length - 9))).rejects.toThrow(
      /^not a valid table: /,
    );
    await expect(read('cut.jsonl', '{"label":1,"prediction":1}\n{"label":0,"pred')).rejects.toThrow(
      /^not valid JSON: /,
    );
    await expect(read('none.jsonl', '')).rejects.toThrow('the file is empty');
  });

  it('names a file that is not there', async () => {
    await expect(readPredictions(folder, ['none.csv'], {})).rejects.toThrow(
      "the file of predictions 'none.csv' does not exist",
    );
  });

  it('reads scores by class, slices and milliseconds', async () => {
    const table = await read(
      'm.csv',
      'label,score_cat,score_dog,score_owl,latency_ms,site\ndog,0.1,0.7,0.2,20,x\nowl,0.5,0.1,0.4,30,y\ncat,1,0,0,1,x\n',
      { slices: ['site'] },
    );
    expect(table.predictions).toMatchObject({ task: 'multiclass', classes: ['cat', 'dog', 'owl'] });
    expect([...(table.predictions.prediction ?? [])]).toEqual([1, 0, 0]);
    expect(table.predictions.latency?.[0]).toBe(0.02);
    expect([...(table.slices.get('site')?.index ?? [])]).toEqual([0, 1, 0]);
  });

  it('reads the scores of all classes from one cell of JSON', async () => {
    const { predictions } = await read(
      'j.csv',
      'label,score\n0,"[0.5,0.3,0.2]"\n1,"[0.1,0.2,0.7]"\n2,"[0,0,1]"\n',
      {
        task: 'multiclass',
      },
    );
    expect([...(predictions.prediction ?? [])]).toEqual([0, 2, 2]);
  });

  it('counts the first of examples with one id', async () => {
    const table = await read('d.csv', 'id,label,prediction\na,1,1\na,0,0\nb,0,0\n');
    expect(table.record).toMatchObject({ examples: 2, duplicates: 1 });
    expect(table.duplicates).toEqual(['a']);
  });

  it('keeps every finite number of a regression', async () => {
    const numbers = fc.double({ noNaN: true, noDefaultInfinity: true });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(numbers, numbers), { minLength: 1, maxLength: 20 }),
        async (rows) => {
          const text = rows.map(([label, prediction]) => `${label},${prediction}\n`).join('');
          const { predictions } = await read('r.csv', `label,prediction\n${text}`, { task: 'regression' });
          expect([...predictions.label]).toEqual(rows.map(([label]) => Number(String(label))));
        },
      ),
      { numRuns: 30, seed: 1 },
    );
  });

  it('orders ids by their code units, long and foreign ones too', async () => {
    const ids = Array.from({ length: 500 }, (_, i) => `${'x'.repeat(3000)}${i * 7919}`);
    ids.push(
      ...['\u{1f600}', '\uffee', 'é', 'z', 'zz', ' ', 'a,b', '"'],
      ...ids.slice(0, 40).map((id) => `\u4e2d${id}`),
    );
    const lines = ids.map((id) => JSON.stringify({ id, label: 1.5, prediction: 2 }));
    const table = await read('ids.jsonl', lines.join('\n'));
    const sorted = ids.toSorted().map((id) => `${JSON.stringify([id, 1.5])}\n`);
    const digest = createHash('sha256').update(sorted.join('')).digest('hex');
    expect(table.ids).toEqual(ids);
    expect(table.record.testSet).toBe(`sha256:${digest}`);
  });

  it('keeps the names of classes that looked like numbers at first', async () => {
    const numbers = Array.from({ length: 70_000 }, (_, i) => `${i}.5,${i}.5`);
    const { predictions } = await read('names.csv', ['label,prediction', ...numbers, 'cat,cat'].join('\n'));
    expect(predictions).toMatchObject({ task: 'multiclass', size: 70_001 });
    expect([predictions.classes.length, predictions.classes.at(-1)]).toEqual([70_001, 'cat']);
    const regression = await read('numbers.csv', ['label,prediction', ...numbers].join('\n'));
    expect(regression.predictions).toMatchObject({ task: 'regression', size: 70_000 });
    expect(regression.predictions.label.at(-1)).toBe(69_999.5);
  });

  const csv = 'label,prediction\n1,1\n';
  it.each<[string, string, string | Buffer, Columns, string]>([
    ['an empty file', 'e1.csv', '', {}, 'the file is empty'],
    ['a header alone', 'e2.csv', 'label,prediction\n', {}, 'no examples'],
    ['a Git LFS pointer', 'e3.csv', 'version https://git-lfs.github.com/spec/v1\n', {}, 'Git LFS pointer'],
    ['UTF-16', 'e4.csv', Buffer.from(`\ufeff${csv}`, 'utf16le'), {}, 'UTF-16'],
    ['an unknown column', 'e5.csv', csv, { label: 'labl' }, "Did you mean 'label'?"],
    ['a missing label', 'e6.csv', 'label,prediction\n,1\n', {}, "e6.csv:2: 'label' is missing"],
    [
      'a score of NaN',
      'e7.csv',
      'label,score\n1,0.5\n0,nan\n',
      {},
      "e7.csv:3: 'score' must be a finite number",
    ],
    [
      'an infinite value',
      'e8.csv',
      'label,prediction\n1.5,inf\n',
      { task: 'regression' },
      "here it is 'inf'",
    ],
    ['a negative weight', 'e9.csv', 'label,prediction,weight\n1,1,-1\n', {}, "'weight' must be at least 0"],
    ['an open positive class', 'ea.csv', 'label,prediction\ncat,dog\n', {}, 'cat, dog'],
    ['an open task', 'eb.csv', 'label,prediction\n1,2\n2,2\n3,3\n', {}, '`task`'],
    ['a short row', 'ec.csv', 'label,prediction\n1\n', {}, 'not a valid table'],
    ['broken JSON', 'ed.jsonl', '{"label": 1, "prediction": 1}\n{', {}, 'ed.jsonl:2: not valid JSON'],
    ['another format', 'ee.pkl', 'x', {}, 'cannot be read'],
    ['broken gzip', 'ef.csv.gz', 'no gzip', {}, 'not a valid table'],
  ])('refuses %s', async (_, name, content, columns, message) => {
    const error = await read(name, content, columns).catch((thrown: unknown) => thrown);
    expect((error as Error).name).toBe('UserError');
    expect(String(error)).toContain(message);
  });
});

describe('pairing', () => {
  it('pairs by id in any order and counts what has no partner', async () => {
    const a = await read('pa.csv', 'id,label,prediction\na,cat,cat\nb,dog,cat\nc,owl,owl\n');
    const b = await read('pb.csv', 'id,label,prediction\nd,dog,fox\nb,owl,cat\na,cat,cat\n');
    const pair = pairUp(a, b);
    expect(pair).toMatchObject({
      rows: 2,
      unpaired: { candidate: 1, baseline: 1, examples: ['c', 'd'] },
      differentLabels: 1,
      sameTestSet: false,
      samePredictions: true,
    });
    expect(pair.candidate.classes).toEqual(['cat', 'dog', 'fox', 'owl']);
    expect([...pair.baseline.label]).toEqual([0, 1]);
  });

  it('refuses to pair by position where the numbers of examples differ', async () => {
    const a = await read('qa.csv', 'label,prediction\n1,1\n0,0\n');
    const b = await read('qb.csv', 'label,prediction\n1,1\n');
    expect(() => pairUp(a, b)).toThrow('neither has ids');
  });
});

describe('keeping', () => {
  it.each([
    ['binary', 'id,label,score,weight,latency,site\n"a,""x",1,0.1,2,0.5,"n\ns"\nb,0,0.7,1,0.25,\n'],
    ['multiclass', 'id,label,score_a,score_b,score_c,site\n1,a,0.5,0.25,0.25,x\n2,c,0.1,0.2,0.7, y\n'],
    ['regression', 'label,prediction,site\n1.5,1e-300\n2.25,0.1\n'.replace(/(\d)\n/g, '$1,z\n')],
    ['ranking', 'query,label,score,site\nq1,3,0.5,x\nq1,0,0.25,x\nq2,1,7,y\n'],
  ])('gives %s predictions back as they were, in the same bytes', async (task, csv) => {
    const table = await read(`k-${task}.csv`, csv, { slices: ['site'] });
    const bytes = await encode(table);
    expect(table.predictions.task).toBe(task);
    expect(await decode(bytes, 'kept predictions')).toEqual(table);
    expect(await encode(table)).toEqual(bytes);
  });

  it('refuses what was cut off or changed', async () => {
    const bytes = await encode(await read('kc.csv', 'label,prediction\n1,1\n0,1\n'));
    await expect(decode(bytes.subarray(0, 60), 'kept predictions')).rejects.toThrow(
      'kept predictions cannot be read',
    );
    const other = gunzipSync(bytes).toString().replace('\n0,1\n', '\n0,0\n');
    await expect(decode(gzipSync(other), 'kept predictions')).rejects.toThrow(
      'their digest is not the recorded one',
    );
  });
});
