import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type DvcPlot, plotFiles, readDvcMetrics, readDvcPlots } from '../src/dvc.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dvc-metrics-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

const shown = (path: string) => path;
const curvesOf = async (...plots: DvcPlot[]) => Object.fromEntries(await readDvcPlots(folder, plots, shown));

test('metrics that several files have are told apart by the file', async () => {
  await write({
    'scores/fold-1.json': '{"acc": 0.5, "only": 1}',
    'scores/fold-2.json': '{"acc": 0.75}',
    'scores/notes.txt': 'no metrics',
  });
  const { values, files } = await readDvcMetrics(folder, ['scores'], shown);
  expect(Object.fromEntries(values)).toEqual({
    'scores.fold-1.acc': 0.5,
    'scores.fold-2.acc': 0.75,
    only: 1,
  });
  expect(files).toEqual(['scores/fold-1.json', 'scores/fold-2.json']);
});

test('a metrics file that is missing is an error', async () => {
  await expect(readDvcMetrics(folder, ['none.json'], shown)).rejects.toThrow(
    "the metrics file 'none.json' does not exist",
  );
});

test('a plot is a curve for each column that it draws', async () => {
  await write({
    'a.csv': 'epoch,loss,acc,label\n1,0.5,0.1,x\n2,0.25,0.2,y\n',
    'b.json': '{"roc": [{"fpr": 0.0, "tpr": 0.0}, {"fpr": 1.0, "tpr": 1.0}]}',
    'c.yaml': '- {v: 3}\n- {v: 4}\n',
  });
  expect(await curvesOf({ name: 'a.csv', x: 'epoch', y: 'loss' })).toEqual({
    loss: [
      { step: 1, value: 0.5 },
      { step: 2, value: 0.25 },
    ],
  });
  expect(Object.keys(await curvesOf({ name: 'a.csv' }))).toEqual(['loss', 'acc']);
  expect(await curvesOf({ name: 'roc', x: { 'b.json': 'fpr' }, y: { 'b.json': ['tpr'] } })).toEqual({
    tpr: [
      { step: 0, value: 0 },
      { step: 1, value: 1 },
    ],
  });
  expect(await curvesOf({ name: 'c.yaml' })).toEqual({
    v: [
      { step: 0, value: 3 },
      { step: 1, value: 4 },
    ],
  });
});

test('files of DVCLive have the names of their metrics, and others of one name that of the file', async () => {
  await write({
    'dvclive/plots/metrics/train/loss.tsv': 'step\tloss\n0\t1\n',
    'dvclive/plots/metrics/val/loss.tsv': 'step\tloss\n0\t2\n',
    'x.csv': 'step,v\n0,1\n',
    'y.csv': 'step,v\n0,2\n',
  });
  expect(Object.keys(await curvesOf({ name: 'dvclive/plots/metrics' }))).toEqual(['train.loss', 'val.loss']);
  expect(Object.keys(await curvesOf({ name: 'x.csv' }, { name: 'y.csv' }))).toEqual(['x.v', 'y.v']);
});

test('pictures, labels and files that are not there have no curves', async () => {
  await write({ 'confusion.csv': 'actual,predicted\ncat,dog\n', 'plot.png': '', 'model.txt': 'x' });
  expect(plotFiles({ name: 'plot.png' })).toEqual([]);
  const plots = ['confusion.csv', 'plot.png', 'model.txt', 'none.csv'].map((name) => ({ name }));
  expect(await curvesOf(...plots)).toEqual({});
});

test('a table that is broken is an error with its line', async () => {
  await write({ 'a.csv': 'a,b\n1,2\n1\n' });
  await expect(curvesOf({ name: 'a.csv' })).rejects.toThrow('not a valid table');
});
