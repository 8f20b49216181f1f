import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { BranchStore, RecordsDeniedError, type RunRecord } from '../src/record/index.ts';

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

function record(id: number, changes: Partial<RunRecord['run']> = {}): RunRecord {
  const time = new Date(Date.UTC(2026, 0, 1, 0, 0, id)).toISOString();
  return {
    schema: 1,
    run: {
      id: String(id),
      attempt: 1,
      repository: 'acme/model',
      workflow: 'ml',
      event: 'push',
      ref: 'refs/heads/main',
      commit: 'a'.repeat(40),
      dirty: false,
      message: `run ${id}`,
      actor: 'someone',
      url: null,
      startedAt: time,
      finishedAt: time,
      ...changes,
    },
    jobs: [],
  };
}

describe('the record store on a branch', () => {
  test('answers nothing before the first run', async () => {
    const store = new BranchStore({ remote: { url: bareRemote() } });
    expect(await store.newest('main')).toBeUndefined();
    expect(await store.alias('production')).toBeUndefined();
    expect(await store.list()).toEqual([]);
  });

  test('keeps records and moves aliases', async () => {
    const store = new BranchStore({ remote: { url: bareRemote() } });
    const alias = {
      modelDigest: `sha256:${'0'.repeat(64)}`,
      revision: 'r1',
      since: '2026-01-01T00:00:00.000Z',
    };
    await store.append(record(1), { production: alias });
    await store.append(record(2));
    await store.append(record(3, { ref: 'refs/heads/main/nested' }));
    expect((await store.newest('main'))?.run.id).toBe('2');
    expect((await store.newest('main', ({ run }) => run.id === '1'))?.run.id).toBe('1');
    expect((await store.alias('production'))?.record.run.id).toBe('1');
    await store.append(record(4), { production: { ...alias, revision: 'r2' } });
    expect((await store.alias('production'))?.alias.revision).toBe('r2');
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

  test('says that the token may not push', async () => {
    const remote = bareRemote();
    const hook = join(remote, 'hooks', 'pre-receive');
    execFileSync('sh', [
      '-c',
      `printf '#!/bin/sh\\necho "GH006: Protected branch update failed" >&2\\nexit 1\\n' > "$1" && chmod +x "$1"`,
      'sh',
      hook,
    ]);
    await expect(new BranchStore({ remote: { url: remote } }).append(record(1))).rejects.toBeInstanceOf(
      RecordsDeniedError,
    );
  });

  test('refuses an alias that would leave its folder', async () => {
    const store = new BranchStore({ remote: { url: bareRemote() } });
    await expect(store.alias('../x')).rejects.toThrow('cannot be the name of an alias');
  });
});
