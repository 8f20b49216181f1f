import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '@mlops/core/process';
import { readPredictions } from '@mlops/predictions';
import { tool } from '@mlops/tools';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'formats-'));
  await command(await tool('python-science'), ['-c', writeAll, folder]);
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The same 40 examples in every format, as Python's libraries write them. */
const writeAll = `
import csv, gzip, json, os, sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
os.chdir(sys.argv[1])
rng = np.random.default_rng(1)
n, classes = 40, np.array(['cat', 'dog', 'owl'])
ids = np.arange(n) + 2**40
label = np.concatenate([classes, rng.choice(classes, n - 3)])
score = rng.dirichlet(np.ones(3), n)
prediction = classes[score.argmax(axis=1)]
side = np.where(np.arange(n) % 2 == 0, 'left', 'right')
columns = dict(id=ids, label=label, prediction=prediction, side=side)
rows = [dict(id=int(i), label=str(l), prediction=str(p), side=str(s), **{f'score_{c}': float(x) for c, x in zip(classes, row)})
        for i, l, p, s, row in zip(ids, label, prediction, side, score)]
with open('all.csv', 'w', newline='') as file:
    writer = csv.DictWriter(file, rows[0]); writer.writeheader(); writer.writerows(rows)
with gzip.open('all.csv.gz', 'wt', newline='') as file: file.write(open('all.csv', newline='').read())
with open('all.tsv', 'w', newline='') as file:
    writer = csv.DictWriter(file, rows[0], delimiter='\\t'); writer.writeheader(); writer.writerows(rows)
open('all.json', 'w').write(json.dumps(rows))
open('all.jsonl', 'w').write('\\n'.join(map(json.dumps, rows)))
table = pa.Table.from_pylist(rows)
for compression in 'none', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4':
    pq.write_table(table, f'{compression}.parquet', compression=compression, row_group_size=7)
lists = pa.table(dict(**columns, score=[list(row) for row in score]))
pq.write_table(lists, 'lists.parquet')
np.savez('plain.npz', **columns, score=score)
np.savez_compressed('packed.npz', **columns, score=np.asfortranarray(score))
np.savez('other.npz', id=ids.astype('>i8'), label=label.astype('S3'), prediction=prediction.astype('>U5'), side=side, score=score.astype('>f8'))
for name, array in dict(**columns, score=score).items(): np.save(f'{name}.npy', array)
np.savez('objects.npz', label=np.array(['a', None], dtype=object), prediction=np.array(['a', 'b']))
for kind in 'f2', 'f4', 'i1', 'i2', 'i4', 'u1', 'u2', 'u4', 'u8':
    np.savez(f'{kind}.npz', label=np.array([0.5, 1.5, 250.0]), prediction=np.array([1, 2, 100]).astype(kind))
np.savez('logical.npz', label=np.array([True, False]), prediction=np.array([True, True]), score=np.array([.9, .6]))
`;

const columns = { slices: ['side'], score: ['cat', 'dog', 'owl'].map((name) => `score_${name}`) };

describe('the same examples', () => {
  test.each([
    'all.csv.gz',
    'all.tsv',
    'all.json',
    'all.jsonl',
    'none.parquet',
    'snappy.parquet',
    'gzip.parquet',
    'zstd.parquet',
    'brotli.parquet',
    'lz4.parquet',
  ])('are read from %s as from CSV', async (file) => {
    const [csv, other] = [
      await readPredictions(folder, ['all.csv'], columns),
      await readPredictions(folder, [file], columns),
    ];
    expect(other.predictions).toEqual(csv.predictions);
    expect(other.slices).toEqual(csv.slices);
    expect(other.ids).toEqual(csv.ids);
    expect([other.record.digest, other.record.testSet]).toEqual([csv.record.digest, csv.record.testSet]);
  });

  test.each([
    ['lists.parquet'],
    ['plain.npz'],
    ['packed.npz'],
    ['other.npz'],
    ['id.npy', 'label.npy', 'prediction.npy', 'side.npy', 'score.npy'],
  ])('are read from %s with a list of scores each', async (...files) => {
    const csv = await readPredictions(folder, ['all.csv'], columns);
    const other = await readPredictions(folder, files, { slices: ['side'] });
    expect(other.predictions).toEqual(csv.predictions);
    expect(other.record.digest).toBe(csv.record.digest);
  });
});

test.each(['f2', 'f4', 'i1', 'i2', 'i4', 'u1', 'u2', 'u4', 'u8'])(
  'numbers of the type %s are read',
  async (kind) => {
    const { predictions } = await readPredictions(folder, [`${kind}.npz`], { task: 'regression' });
    expect([...(predictions.prediction ?? [])]).toEqual([1, 2, 100]);
  },
);

test('logical values are classes', async () => {
  const { predictions } = await readPredictions(folder, ['logical.npz'], {});
  expect(predictions).toMatchObject({ task: 'binary', size: 2 });
  expect(predictions.classes[predictions.positive ?? -1]).toBe('true');
});

describe('what is damaged', () => {
  const problem = async (...files: string[]) =>
    readPredictions(folder, files, {}).then(
      () => 'none',
      (error: Error) => error.message,
    );

  test('says so', async () => {
    const [npz, parquet, npy] = await Promise.all(
      ['plain.npz', 'snappy.parquet', 'label.npy'].map((name) => readFile(join(folder, name))),
    );
    await writeFile(join(folder, 'cut.npz'), npz?.subarray(0, 900) ?? '');
    await writeFile(join(folder, 'cut.parquet'), parquet?.subarray(0, 900) ?? '');
    await writeFile(join(folder, 'cut.npy'), npy?.subarray(0, 200) ?? '');
    await writeFile(join(folder, 'text.npy'), 'not an array, but text that is long enough');
    expect(await problem('cut.npz')).toMatch(/^the file is no archive of NumPy: /);
    expect(await problem('cut.parquet')).toMatch(/^not a Parquet file that can be read: /);
    expect(await problem('cut.npy')).toBe('the file ends before its array does');
    expect(await problem('text.npy')).toBe('the file is no array of NumPy');
    expect(await problem('objects.npz')).toBe(
      'the array holds pickled Python objects, which are not read: they could run code',
    );
    expect(await problem('label.npy', 'cut.npy')).toBe('the file ends before its array does');
  });
});
