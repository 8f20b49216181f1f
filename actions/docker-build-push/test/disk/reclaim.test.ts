import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reclaim, reclaimable } from '../../src/disk/reclaim.ts';
import { folderOf } from './folder.ts';

const { signal } = new AbortController();
const hosted = { RUNNER_ENVIRONMENT: 'github-hosted', ImageOS: 'ubuntu24' };
const options = { signal, env: hosted, platform: 'linux' } as const;
const megabyte = 'x'.repeat(1e6);
const files = {
  'usr/local/lib/android/sdk/a': megabyte,
  'usr/share/dotnet/b': megabyte,
  'usr/local/julia1.12.1/c': megabyte,
  'opt/hostedtoolcache/CodeQL/d': megabyte,
  'opt/hostedtoolcache/Python/3.13/python': 'kept',
  'opt/hostedtoolcache/Ruby/e': megabyte,
  'usr/bin/git': 'kept',
};

describe('elsewhere nothing is touched', () => {
  it.each([
    [{ ...hosted, RUNNER_ENVIRONMENT: 'self-hosted' }, 'linux', 'this runner is self-hosted'],
    [{ ImageOS: 'ubuntu24' }, 'linux', 'this runner is no runner of GitHub'],
    [{ RUNNER_ENVIRONMENT: 'github-hosted' }, 'linux', 'does not say that it has an image of GitHub'],
    [hosted, 'darwin', 'this runner runs darwin'],
  ] as const)('%j on %s', async (env, platform, why) => {
    const root = folderOf(files);
    const result = await reclaim('all', { signal, env, platform, root });
    expect(result).toMatchObject({ items: [], gained: 0, skipped: expect.stringContaining(why) });
    expect(await reclaimable('all', { signal, env, platform, root })).toEqual([]);
    for (const file of Object.keys(files)) expect(existsSync(join(root, file))).toBe(true);
  });

  it('none says nothing', async () => {
    expect(await reclaim('none', options)).toEqual({ items: [], gained: 0, ms: 0 });
  });
});
