import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BranchStore, type RecordsBranch, withRecordsBranch } from '../src/record/index.ts';
import { record } from './sample-record.ts';

let remote: string;
beforeEach(() => {
  remote = mkdtempSync(join(tmpdir(), 'mlops-remote-'));
  git('init', '--quiet', '--bare', remote);
  git('-C', remote, 'config', 'uploadpack.allowFilter', 'true');
  git('-C', remote, 'config', 'uploadpack.allowAnySHA1InWant', 'true');
});
afterEach(() => rmSync(remote, { recursive: true, force: true }));

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** Commits files to the records branch by hand; undefined removes one. */
function commit(
  files: Record<string, string | Buffer | undefined>,
  author = 'Grace',
  seconds = 1_800_000_000,
) {
  const from = git('-C', remote, 'for-each-ref', '--format=from %(refname)^0', 'refs/heads/mlops-records');
  const changes = Object.entries(files).map(([path, content]) =>
    content === undefined
      ? `D ${path}\n`
      : `M 100644 inline ${path}\ndata ${Buffer.byteLength(content)}\n${content}\n`,
  );
  execFileSync('git', ['-C', remote, 'fast-import', '--quiet'], {
    input: `commit refs/heads/mlops-records\ncommitter ${author} <a@example.com> ${seconds} +0100\ndata 4\nEdit\n${from}${changes.join('')}\n`,
  });
}

const read = <T>(fn: (branch: RecordsBranch) => Promise<T>) =>
  withRecordsBranch({ remote: { url: remote } }, fn);

async function all(): Promise<{ ids: string[]; leftOut: string[] } | undefined> {
  return read(async (branch) => {
    const [ids, leftOut]: [string[], string[]] = [[], []];
    for await (const { record } of branch.records((path, why) => leftOut.push(`${path}: ${why}`)))
      ids.push(record.run.id);
    return { ids, leftOut };
  });
}

describe('all records of a branch', () => {
  test('are nothing where there is no branch yet', async () => {
    expect(await all()).toBeUndefined();
  });

  test('are read with one fetch, whatever their refs are called', async () => {
    const store = new BranchStore({ remote: { url: remote } });
    for (const [id, ref] of [
      [1, 'refs/heads/main'],
      [2, 'refs/heads/feature/größe ü'],
      [3, 'refs/tags/v1'],
    ] as const)
      await store.append(record(id, { ref, message: 'two\nlines with ünïcode \u{1f600}' }));
    expect((await all())?.ids.sort()).toEqual(['1', '2', '3']);
  });

  test('are read without those that are damaged, of a newer schema or far too large, which are told', async () => {
    await new BranchStore({ remote: { url: remote } }).append(record(1));
    commit({
      'runs/heads/main/2.json': '{"schema":1,',
      'runs/heads/main/3.json': JSON.stringify({ ...record(3), schema: 2 }),
      'runs/heads/main/4.json': Buffer.alloc(33 * 1024 * 1024, 'x'),
      'runs/heads/main/5.json': '',
      'runs/heads/main/6.json': JSON.stringify(record(6)),
      'runs/heads/main/notes.txt': 'not a record',
    });
    expect(await all()).toEqual({
      ids: ['1', '6'],
      leftOut: [
        'runs/heads/main/2.json: it is no JSON',
        'runs/heads/main/3.json: schema: Invalid input: expected 1',
        'runs/heads/main/4.json: it has more than 33554432 bytes',
        'runs/heads/main/5.json: it is no JSON',
      ],
    });
  });

  test('do not come with what else the branch keeps', async () => {
    commit({
      'runs/heads/main/1.json': JSON.stringify(record(1)),
      'predictions/x.csv.gz': Buffer.alloc(3e6, 'abcdefgh'),
    });
    // A server that has lost the other content would refuse to send it.
    const id = git('-C', remote, 'rev-parse', 'mlops-records:predictions/x.csv.gz').trim();
    rmSync(join(remote, 'objects', id.slice(0, 2), id.slice(2)));
    expect(await all()).toEqual({ ids: ['1'], leftOut: [] });
  });

  test('are read from a server that cannot filter', async () => {
    git('-C', remote, 'config', 'uploadpack.allowFilter', 'false');
    git('-C', remote, 'config', 'uploadpack.allowAnySHA1InWant', 'false');
    commit({ 'runs/heads/main/1.json': JSON.stringify(record(1)) });
    expect(await all()).toEqual({ ids: ['1'], leftOut: [] });
  });

  test('are an error with advice where the remote is none', async () => {
    rmSync(remote, { recursive: true });
    await expect(all()).rejects.toThrow("the records on the branch 'mlops-records' cannot be read");
  });
});

test('the history of aliases tells who moved them when, by a run or by hand', async () => {
  const store = new BranchStore({ remote: { url: remote } });
  const alias = (revision: string) => ({
    modelDigest: `sha256:${'0'.repeat(64)}`,
    revision,
    since: '2026-01-01T00:00:00.000Z',
  });
  await store.append(record(1), [{ model: 'my model', name: 'prod/eu', ...alias('r1') }]);
  await store.append(record(2));
  await store.append(record(3), [{ model: 'my model', name: 'prod/eu', ...alias('r3') }]);
  const path = 'aliases/my%20model/prod%2Feu.json';
  commit({ [path]: JSON.stringify({ ...alias('r1'), record: 'runs/heads/main/1.json' }) });
  commit({ [path]: 'broken', 'aliases/%E0%A4%A/x.json': '{}' }, 'Ada', 1_800_000_060);
  commit({ [path]: undefined }, 'Ada', 1_800_000_120);
  const history = await read((branch) => branch.aliasHistory());
  expect(history?.map(({ model, name, alias, author }) => [model, name, alias?.revision, author])).toEqual([
    ['my model', 'prod/eu', 'r1', 'github-actions[bot]'],
    ['my model', 'prod/eu', 'r3', 'github-actions[bot]'],
    ['my model', 'prod/eu', 'r1', 'Grace'],
    ['%E0%A4%A', 'x', undefined, 'Ada'],
    ['my model', 'prod/eu', undefined, 'Ada'],
    ['my model', 'prod/eu', undefined, 'Ada'],
  ]);
  expect(history?.at(-1)?.at).toBe('2027-01-15T08:02:00.000Z');
});
