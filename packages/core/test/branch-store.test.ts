import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type GitHub, UserError } from '../src/index.ts';
import { BranchStore, keptPath, originOf, RecordsDeniedError } from '../src/record/index.ts';
import { record } from './sample-record.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function bareRemote(): string {
  const folder = mkdtempSync(join(tmpdir(), 'mlops-remote-'));
  folders.push(folder);
  execFileSync('git', ['init', '--quiet', '--bare', folder]);
  return folder;
}

describe('the record store on a branch', () => {
  test('answers nothing before the first run', async () => {
    const store = new BranchStore({ remote: { url: bareRemote() } });
    expect(await store.newest('main')).toBeUndefined();
    expect(await store.alias('model', 'production')).toBeUndefined();
    expect(await store.list()).toEqual([]);
  });

  test('keeps records and moves aliases', async () => {
    const store = new BranchStore({ remote: { url: bareRemote() } });
    const alias = {
      modelDigest: `sha256:${'0'.repeat(64)}`,
      revision: 'r1',
      since: '2026-01-01T00:00:00.000Z',
    };
    await store.append(record(1), [{ model: 'model', name: 'production', ...alias }]);
    await store.append(record(2));
    await store.append(record(3, { ref: 'refs/heads/main/nested' }));
    expect((await store.newest('main'))?.run.id).toBe('2');
    expect((await store.newest('main', ({ run }) => run.id === '1'))?.run.id).toBe('1');
    expect((await store.alias('model', 'production'))?.record.run.id).toBe('1');
    await store.append(record(4), [{ model: 'model', name: 'production', ...alias, revision: 'r2' }]);
    expect((await store.alias('model', 'production'))?.alias.revision).toBe('r2');
  });

  test('keeps files of any bytes beside the records, once for the same content', async () => {
    const remote = bareRemote();
    const store = new BranchStore({ remote: { url: remote } });
    const content = Buffer.from([0, 0x0d, 0x0a, 0xff, ...randomBytes(100_000)]);
    const path = keptPath(`sha256:${'a'.repeat(64)}`);
    await store.append(record(1), [], new Map([[path, content]]));
    await store.append(record(2), [], new Map([[path, content]]));
    expect(await store.file(path)).toEqual(content);
    expect(await store.file('predictions/other.csv.gz')).toBeUndefined();
    expect(await store.list()).toHaveLength(2);
    const blobs = git(remote, 'rev-list', '--objects', 'mlops-records').split('\n');
    expect(blobs.filter((line) => line.endsWith(path))).toHaveLength(1);
  });

  test('20 writers at once lose nothing', { timeout: 120_000 }, async () => {
    const remote = { url: bareRemote() };
    const ids = Array.from({ length: 20 }, (_, i) => i + 1);
    await Promise.all(ids.map((id) => new BranchStore({ remote }).append(record(id))));
    const paths = await new BranchStore({ remote }).list();
    expect(paths.map((path) => Number(/-(\d+)-1\.json$/.exec(path)?.[1])).sort((a, b) => a - b)).toEqual(ids);
    const commits = execFileSync('git', ['-C', remote.url, 'rev-list', '--count', 'mlops-records']);
    expect(Number(commits)).toBe(20);
  });

  test.each([
    ['remote: error: GH006: Protected branch update failed for refs/heads/mlops-records.', 'a rule protects'],
    [
      'remote: error: GH013: Repository rule violations found for refs/heads/mlops-records.',
      'a rule protects',
    ],
    ['remote: Permission to acme/model.git denied to github-actions[bot].', 'the token may not push to'],
    [
      "fatal: unable to access 'https://github.com/a/b/': The requested URL returned error: 403",
      'the token may not',
    ],
  ])('tells a push that is refused (%s)', async (said, expected) => {
    const remote = bareRemote();
    refusePushes(remote, said);
    const denied = await new BranchStore({ remote: { url: remote } })
      .append(record(1))
      .catch((e: unknown) => e);
    expect(denied).toBeInstanceOf(RecordsDeniedError);
    expect((denied as Error).message).toContain(expected);
  });

  test('tells any other failure to push in the words of the remote', async () => {
    const remote = bareRemote();
    refusePushes(remote, 'the disk is full');
    const failed = await new BranchStore({ remote: { url: remote } })
      .append(record(1))
      .catch((e: unknown) => e);
    expect(failed).toBeInstanceOf(UserError);
    expect(failed).not.toBeInstanceOf(RecordsDeniedError);
    expect((failed as Error).message).toMatch(
      /^the run could not be recorded on the branch 'mlops-records': .*the disk is full/,
    );
  });

  test('tells that the records cannot be read', async () => {
    const store = new BranchStore({ remote: { url: join(bareRemote(), 'nothing') }, branch: 'records' });
    await expect(store.newest('main')).rejects.toThrow(
      /^the records on the branch 'records' cannot be read: .*does not appear to be a git repository/,
    );
  });

  test('keeps aliases of any name in their folder', async () => {
    const remote = bareRemote();
    const store = new BranchStore({ remote: { url: remote } });
    const alias = { modelDigest: 'sha256:0', revision: 'r1', since: '2026-01-01T00:00:00.000Z' };
    const names = ['../x', '..', 'review/7', 'Prod (EU) ü', "it's"];
    for (const [i, name] of names.entries())
      await store.append(record(i), [
        { model: 'model', name, ...alias },
        { model: name, name: 'production', ...alias },
      ]);
    for (const [i, name] of names.entries()) {
      expect((await store.alias('model', name))?.record.run.id).toBe(String(i));
      expect((await store.alias(name, 'production'))?.record.run.id).toBe(String(i));
    }
    const paths = git(remote, 'ls-tree', '-r', '--name-only', 'mlops-records').split('\n');
    expect(paths.filter((path) => !/^(runs\/heads\/main|aliases\/[^/]+)\/[^/]+\.json$/.test(path))).toEqual(
      [],
    );
  });

  test.each([
    ['aliases/model/production.json', '{"record": 1}', 'record: '],
    ['aliases/model/production.json', '<<<<<<< HEAD', ''],
    ['runs/heads/main/2026-01-01T000001Z-1-1.json', '{"schema": 2}', 'schema: '],
  ])('names the file on the branch that it cannot read: %s, %s', async (path, content, expected) => {
    const remote = bareRemote();
    const store = new BranchStore({ remote: { url: remote } });
    const alias = { modelDigest: 'sha256:0', revision: 'r1', since: '2026-01-01T00:00:00.000Z' };
    await store.append(record(1), [{ model: 'model', name: 'production', ...alias }]);
    overwrite(remote, path, content);
    const failed = await store.alias('model', 'production').catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(UserError);
    expect((failed as Error).message).toContain(
      `'${path}' among the records is not one this version can read`,
    );
    expect((failed as Error).message).toContain(expected);
  });
});

describe('the remote of the records', () => {
  const github = (repository: string) => ({ repository, serverUrl: 'https://ghe.example' }) as GitHub;

  test.each([
    ['git@ghe.example:acme/model.git', 'https://ghe.example/acme/model.git'],
    ['ssh://git@ghe.example/acme/model.git', 'https://ghe.example/acme/model.git'],
    ['git@ghe.example:acme/other.git', 'git@ghe.example:acme/other.git'],
    ['https://ghe.example/acme/model', 'https://ghe.example/acme/model'],
    ['/srv/model.git', '/srv/model.git'],
  ])('of the origin %s', async (origin, url) => {
    const folder = bareRemote();
    git(folder, 'remote', 'add', 'origin', origin);
    expect(await originOf(github('acme/model'), folder, 'token')).toEqual({ url, token: 'token' });
  });

  test('without a checkout is the one that GitHub gives', async () => {
    const folder = bareRemote();
    const url = 'https://ghe.example/acme/model.git';
    expect(await originOf(github('acme/model'), folder, undefined)).toEqual({ url, token: undefined });
    await expect(originOf(github(''), folder, 'token')).rejects.toThrow('no git remote is known');
  });
});

function git(folder: string, ...args: string[]): string {
  return execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8' }).trim();
}

function refusePushes(remote: string, said: string): void {
  writeFileSync(join(remote, 'hooks', 'pre-receive'), `#!/bin/sh\ncat >&2 <<'END'\n${said}\nEND\nexit 1\n`, {
    mode: 0o755,
  });
}

/** Puts a file onto the branch as somebody with an editor would. */
function overwrite(remote: string, path: string, content: string): void {
  const work = bareRemote();
  rmSync(work, { recursive: true });
  execFileSync('git', ['clone', '--quiet', '--branch', 'mlops-records', remote, work]);
  writeFileSync(join(work, path), content);
  git(work, '-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '--all', '--message', 'Edit');
  git(work, 'push', '--quiet');
}
