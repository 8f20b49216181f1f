import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderStore } from '@mlops/core/store';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Facts } from '../src/key.ts';
import { type Entry, Ledger, ledgerPrefix, loadLedger, saveLedger } from '../src/ledger.ts';

const facts: Facts = {
  ...{ command: 'c', inputs: [], parameters: {}, outputs: [], environment: {}, platform: '', matrix: {} },
};

function entry(stage: string, key: string): Entry {
  return { stage, key, facts, outputs: [], durationMs: 1 };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-'));
  await mkdir(join(folder, 'work'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('the newest result of a stage is the one that was used last', () => {
  const ledger = new Ledger([entry('a', '1'), entry('b', '2'), entry('a', '3')]);
  expect(ledger.newest('a')?.key).toBe('1');
  ledger.add(ledger.find('1') as Entry);
  expect(ledger.changed).toBe(false);
  ledger.add(ledger.find('3') as Entry);
  expect(ledger.newest('a')?.key).toBe('3');
  expect(ledger.find('1')?.stage).toBe('a');
  ledger.forget('3');
  expect(ledger.newest('a')?.key).toBe('1');
  expect(ledger.changed).toBe(true);
});

test('old results of one stage do not push out those of another', () => {
  const ledger = new Ledger([entry('other', 'x')]);
  for (let i = 0; i < 50; i++) ledger.add(entry('a', `${i}`));
  expect(ledger.find('x')).toBeDefined();
  expect(ledger.find('49')).toBeDefined();
  expect(ledger.find('0')).toBeUndefined();
});

test('a ledger is found again by its prefix, the newest one, and leaves no file behind', async () => {
  const store = folderStore({ folder: join(folder, 'store') });
  const work = join(folder, 'work');
  const prefix = ledgerPrefix({ repository: 'a/b', matrix: { x: 1 } });
  expect((await loadLedger(store, work, prefix)).newest('a')).toBeUndefined();
  await saveLedger(new Ledger([entry('a', 'old')]), store, work, `${prefix}1`);
  const before = Date.now();
  while (Date.now() === before); // Which of two entries is newer is told in milliseconds.
  await saveLedger(new Ledger([entry('a', 'new')]), store, work, `${prefix}2`);
  expect((await loadLedger(store, work, prefix)).newest('a')).toEqual(entry('a', 'new'));
  expect(existsSync(join(work, '.mlops-ledger.json'))).toBe(false);
  const other = ledgerPrefix({ repository: 'a/b', matrix: { x: 2 } });
  expect((await loadLedger(store, work, other)).newest('a')).toBeUndefined();
});

test.each(['not json', '{"version": 999, "entries": 1}'])(
  'a ledger that cannot be read is none: %s',
  async (text) => {
    const store = folderStore({ folder: join(folder, 'store') });
    const work = join(folder, 'work');
    await writeFile(join(work, '.mlops-ledger.json'), text);
    await store.save('p-1', work, ['.mlops-ledger.json']);
    expect((await loadLedger(store, work, 'p-')).newest('a')).toBeUndefined();
  },
);
