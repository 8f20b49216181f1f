import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { thin } from '../src/curves.ts';
import { parseJson } from '../src/json.ts';
import { type Metrics, readMetrics } from '../src/read.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'metrics-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function read(files: Record<string, string | Buffer>, named = Object.keys(files)): Promise<Metrics> {
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return readMetrics(folder, named);
}

async function valuesOf(name: string, content: string): Promise<Record<string, number>> {
  return Object.fromEntries((await read({ [name]: content })).values);
}

describe('metrics are read from', () => {
  test('nested JSON with the numbers that Python writes', async () => {
    const content =
      '{"test": {"acc": 0.9, "loss": NaN, "hi": Infinity}, "lo": -Infinity, "ok": true, "none": null, "n\\"aN": 1}';
    expect(await valuesOf('m.json', content)).toEqual({
      'test.acc': 0.9,
      'test.loss': Number.NaN,
      'test.hi': Number.POSITIVE_INFINITY,
      lo: Number.NEGATIVE_INFINITY,
      ok: 1,
      none: Number.NaN,
      'n"aN': 1,
    });
  });

  test('JSON beside text, which is passed over and told', async () => {
    const { values, ignored } = await read({
      'm.json': '{"model": "NaN-free rf", "confusion": [[1, 2]], "acc": "nan"}',
    });
    expect([...values]).toEqual([['acc', Number.NaN]]);
    expect(ignored).toEqual(['m.json: model', 'm.json: confusion']);
  });

  test('YAML', async () => {
    expect(await valuesOf('m.yaml', 'test:\n  acc: 0.9\n  loss: .nan\n  t: 1e-3\n')).toEqual({
      'test.acc': 0.9,
      'test.loss': Number.NaN,
      'test.t': 0.001,
    });
  });

  test.each([
    ['one row', 'acc,loss,name,empty\n0.9,nan,rf,\n', { acc: 0.9, loss: Number.NaN, empty: Number.NaN }],
    ['pairs', 'metric,value\nacc,0.9\n"log, loss",1e-3\n', { acc: 0.9, 'log, loss': 0.001 }],
  ])('CSV with %s', async (_, content, expected) => {
    expect(await valuesOf('m.csv', content)).toEqual(expected);
  });

  test('TSV', async () => {
    expect(await valuesOf('m.tsv', 'name\tvalue\nacc\t0.9\n')).toEqual({ acc: 0.9 });
  });

  test('several files together', async () => {
    const { values, curves } = await read({
      'm.json': '{"loss": 0.1}',
      'curve.jsonl':
        '{"step": 1, "loss": 3, "val": {"acc": 0.5}}\n\n{"step": 2, "loss": 2, "val": {"acc": 0.6}}\n',
    });
    expect(Object.fromEntries(values)).toEqual({ loss: 0.1, 'val.acc': 0.6 });
    expect(Object.fromEntries(curves)).toEqual({
      loss: [
        { step: 1, value: 3 },
        { step: 2, value: 2 },
      ],
      'val.acc': [
        { step: 1, value: 0.5 },
        { step: 2, value: 0.6 },
      ],
    });
  });

  test('CSV of a logger that leaves cells empty', async () => {
    const { curves, values } = await read({
      'log.csv': 'Epoch,train_loss,val_loss\n0,3,\n0,,2.5\n1,2,\n1,,1.5\n',
    });
    expect(curves.get('train_loss')).toEqual([
      { step: 0, value: 3 },
      { step: 1, value: 2 },
    ]);
    expect(values.get('val_loss')).toBe(1.5);
    expect(values.has('Epoch')).toBe(false);
  });

  test('JSON lines without a step, which are counted', async () => {
    const { curves } = await read({ 'log.jsonl': '{"loss": 3}\n{"loss": NaN}' });
    expect(curves.get('loss')).toEqual([
      { step: 1, value: 3 },
      { step: 2, value: Number.NaN },
    ]);
  });
});

describe('what is malformed is an error that shows what was found:', () => {
  const utf16 = Buffer.from('\ufeff{"acc": 1}', 'utf16le');
  const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n';
  test.each<[string, Record<string, string | Buffer>, string[]?]>([
    ['a missing file', { 'metric.json': '{}' }, ['metrics.json']],
    ['a missing folder', {}, ['out/metrics.json']],
    ['a file without an extension', {}, ['metrics']],
    ['an empty file', { 'm.json': ' \n' }],
    ['a cut file', { 'm.json': '{"acc": 0.9,\n "loss": ' }],
    ['a comma too many', { 'm.json': '{\n  "acc": 0.9,\n}\n' }],
    ['a mistake after a NaN', { 'm.json': '{"loss": NaN, "a": Infinity, acc: 1}' }],
    ['a Python dict', { 'm.json': "{'acc': 0.9}" }],
    ['plain text', { 'm.json': 'Traceback (most recent call last):\n  File "train.py"' }],
    ['a list', { 'm.json': '[{"acc": 1}]' }],
    ['a number', { 'm.json': '0.93' }],
    ['no number', { 'm.json': '{"model": "rf"}' }],
    ['an empty object', { 'm.json': '{}' }],
    ['names that collide', { 'm.json': '{"a.b": 1, "a": {"b": 2}}' }],
    ['an LFS pointer', { 'm.json': pointer }],
    ['UTF-16', { 'm.json': utf16 }],
    ['binary', { 'm.json': Buffer.from([0x80, 0x04, 0x95, 0xff]) }],
    ['an unknown format', { 'm.txt': 'acc=1' }],
    ['bad YAML', { 'm.yaml': 'test:\n\tacc: 1\n' }],
    ['YAML with a key twice', { 'm.yaml': 'acc: 1\nacc: 2\n' }],
    ['YAML that is text', { 'm.yaml': 'accuracy 0.9\n' }],
    ['a table without rows', { 'm.csv': 'acc,loss\n' }],
    ['a table with ragged rows', { 'm.csv': 'acc,loss\n1,2\n1\n' }],
    ['a table without steps', { 'm.csv': 'acc,loss\n1,2\n3,4\n' }],
    ['a table whose step is text', { 'm.csv': 'step,loss\n1,2\ntwo,4\n' }],
    ['a table with a metric twice', { 'm.csv': 'metric,value\nacc,1\nacc,2\n' }],
    ['a line that is cut', { 'm.jsonl': '{"step": 1, "loss": 3}\n{"step": 2, "lo' }],
    ['a line that is no object', { 'm.jsonl': '{"step": 1, "loss": 3}\n42\n' }],
    ['a line without its step', { 'm.jsonl': '{"step": 1, "loss": 3}\n{"loss": 2}\n' }],
    ['a metric in two files', { 'a.json': '{"acc": 1}', 'b.json': '{"acc": 2}' }],
  ])('%s', async (_, files, named) => {
    const error = await read(files, named).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(UserError);
    const { line, column } = (error as UserError).place;
    const at = line === undefined ? '' : `${line}${column === undefined ? '' : `:${column}`} `;
    expect(`${at}${(error as UserError).message}\n→ ${(error as UserError).advice}`).toMatchSnapshot();
  });
});

test('a folder in place of a file is an error that lists it', async () => {
  await mkdir(join(folder, 'm.json'));
  await writeFile(join(folder, 'm.json', 'train.json'), '{}');
  await expect(readMetrics(folder, ['m.json'])).rejects.toThrow(
    expect.objectContaining({
      message: "'m.json' is a folder, not a file with metrics",
      advice: "It holds: train.json. Name the file in the input 'metrics'.",
    }),
  );
});

test('JSON with special numbers reads back what was written', () => {
  const number = fc.oneof(
    fc.double(),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  );
  const special = (value: unknown) => typeof value === 'number' && !Number.isFinite(value);
  fc.assert(
    fc.property(fc.dictionary(fc.string(), number), (metrics) => {
      const python = `{${Object.entries(metrics).map(([key, value]) => `${JSON.stringify(key)}: ${value}`)}}`;
      const expected = Object.entries(metrics).map(([key, value]) => [
        key,
        special(value) ? String(value) : value,
      ]);
      expect(Object.entries(parseJson(python, 'm.json') as object)).toEqual(
        Object.entries(Object.fromEntries(expected)).map(([key, value]) => [
          key,
          Object.is(value, -0) ? 0 : value,
        ]),
      );
    }),
  );
});

test('a thinned curve keeps its ends and its order', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 2, max: 500 }), (length, limit) => {
      const curve = Array.from({ length }, (_, step) => ({ step, value: step }));
      const thinned = thin(curve, limit);
      expect(thinned.length).toBe(Math.min(length, limit));
      expect(thinned.at(0)).toBe(curve.at(0));
      expect(thinned.at(-1)).toBe(curve.at(-1));
      expect(thinned.every(({ step }, i) => i === 0 || step > (thinned[i - 1]?.step ?? 0))).toBe(true);
    }),
  );
});
