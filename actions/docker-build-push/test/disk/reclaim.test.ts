import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { reclaim, reclaimable } from '../../src/disk/reclaim.ts';
import { canMount, folderOf, smallDisk } from './folder.ts';

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

// Everything is done by root or through sudo, which asks for no password on the runners that this is for.
describe.skipIf(process.platform !== 'linux' || process.getuid?.() !== 0)(
  'on a runner that GitHub hosts',
  () => {
    it('safe removes what models do without, and tells how much each was', async () => {
      const root = folderOf(files);
      const { items, ms, skipped } = await reclaim('safe', { ...options, root });
      expect(skipped).toBeUndefined();
      expect(items.map(({ name }) => name).sort()).toEqual(['.NET', 'Android SDK', 'CodeQL', 'Julia']);
      for (const item of items) expect(item.bytes).toBeGreaterThanOrEqual(1e6);
      expect(ms).toBeGreaterThan(0);
      expect(existsSync(join(root, 'usr/local/lib/android'))).toBe(false);
      expect(existsSync(join(root, 'opt/hostedtoolcache/Ruby/e'))).toBe(true);
      expect(readdirSync(join(root, 'usr/local/lib'))).toEqual([]); // Nothing is left aside.
      expect(await reclaim('safe', { ...options, root })).toMatchObject({ items: [] });
    });

    it('all removes more, and never the tools of the job', async () => {
      const root = folderOf({ ...files, swapfile: 'no swap, so the kernel has nothing to let go of' });
      const { items } = await reclaim('all', { ...options, root });
      expect(items.map(({ name }) => name)).toContain('Ruby');
      for (const kept of ['opt/hostedtoolcache/Python/3.13/python', 'usr/bin/git', 'swapfile'])
        expect(existsSync(join(root, kept))).toBe(true);
    });

    it('what could be removed is told and stays', async () => {
      const root = folderOf(files);
      const found = await reclaimable('safe', { ...options, root });
      expect(found).toHaveLength(4);
      expect(existsSync(join(root, 'usr/share/dotnet/b'))).toBe(true);
    });

    it('nothing behind a link is touched', async () => {
      const elsewhere = folderOf({ 'dotnet/b': megabyte, 'lib/android/a': megabyte });
      const root = folderOf({ 'usr/share/keep': '' });
      mkdirSync(join(root, 'usr/local'), { recursive: true });
      symlinkSync(join(elsewhere, 'dotnet'), join(root, 'usr/share/dotnet'));
      symlinkSync(join(elsewhere, 'lib'), join(root, 'usr/local/lib'));
      expect(await reclaim('all', { ...options, root })).toMatchObject({ items: [] });
      expect(existsSync(join(elsewhere, 'dotnet/b')) && existsSync(join(elsewhere, 'lib/android/a'))).toBe(
        true,
      );
    });

    it.skipIf(!canMount)('the free space grows by what was removed', async () => {
      const root = smallDisk(8);
      mkdirSync(join(root, 'usr/share/dotnet'), { recursive: true });
      const { writeFileSync } = await import('node:fs');
      writeFileSync(join(root, 'usr/share/dotnet/b'), 'x'.repeat(3e6));
      const { gained } = await reclaim('safe', { ...options, root });
      expect(gained).toBeGreaterThanOrEqual(3e6);
    });

    it('a job that is cancelled ends it', async () => {
      await expect(
        reclaim('safe', { ...options, root: folderOf(files), signal: AbortSignal.abort() }),
      ).rejects.toThrow(/abort/);
    });
  },
);

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
