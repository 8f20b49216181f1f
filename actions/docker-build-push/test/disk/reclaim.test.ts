import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reclaim, reclaimable } from '../../src/disk/reclaim.ts';
import { hostedFiles as files, folderOf, hosted } from './folder.ts';

const { signal } = new AbortController();
const options = { signal, env: hosted, platform: 'linux' } as const;

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
