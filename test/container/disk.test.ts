import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { diskOf, disksOf, diskTable } from '../../actions/docker-build-push/src/disk/free-space.ts';
import { diskFullError, isDiskFull } from '../../actions/docker-build-push/src/disk/full-disk.ts';
import { reclaim, reclaimable } from '../../actions/docker-build-push/src/disk/reclaim.ts';
import { requireRoom } from '../../actions/docker-build-push/src/disk/room.ts';
import {
  hostedFiles as files,
  folderOf,
  hosted,
  megabyte,
  smallDisk,
} from '../../actions/docker-build-push/test/disk/folder.ts';

/** What only root may do with disks: mount small ones, and remove what a system has. */

const { signal } = new AbortController();
const options = { signal, env: hosted, platform: 'linux' } as const;

describe('a small disk', () => {
  it('is refused before a build that does not fit, with what could be removed', async () => {
    const builder = smallDisk(8);
    const question = { context: 3e6, model: 1e6, builder, temp: folderOf(), minFree: undefined };
    const reclaimable = async () => [{ name: 'Android SDK', bytes: 9e9, ms: 0 }];
    const error = await requireRoom(question, reclaimable).catch((thrown) => thrown);
    expect(error).toMatchObject({ name: 'UserError' });
    expect(error.message).toContain(`the build needs about 212 MB in ${builder}, where 8 MB are free`);
    expect(error.message).toContain('context 3 MB, model 1 MB, the image of unknown size not counted');
    expect(error.advice).toContain("'reclaim-disk' would free 9.0 GB: Android SDK 9.0 GB");
  });

  it('that became full is recognised by what programs say, and shown as df would', async () => {
    const folder = smallDisk(2);
    const { stderr } = spawnSync('dd', ['if=/dev/zero', `of=${join(folder, 'x')}`, 'bs=1M', 'count=9'], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
    });
    expect(isDiskFull(stderr)).toBe(true);
    const error = await diskFullError([folder, join(folder, 'below')], new Error(stderr));
    expect(error.message).toContain('a disk became full during the build');
    expect(error.message).toMatch(new RegExp(`2 MB +2 MB +0 kB +100 % +\\d+ +${folder}`));
    expect(error.advice).toContain('reclaim-disk');
  });

  it('that has no room for more files is told apart', async () => {
    const error = await diskFullError([smallDisk(8, ',nr_inodes=5')], undefined);
    expect(error.message).toContain('has no room for more files');
  });

  it('is another disk than the one beside it', async () => {
    const disks = await disksOf([smallDisk(4), folderOf(), folderOf(), '/proc/self/nothing/there']);
    expect(disks.slice(0, 2).map(({ folders }) => folders.length)).toEqual([1, 2]);
    expect(diskTable(disks.slice(0, 1)).split('\n')).toHaveLength(2);
    expect((await diskOf(join(smallDisk(4), 'not/there'))).size).toBe(4 * 1024 ** 2);
  });
});

describe('on a runner that GitHub hosts', () => {
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

  it('the free space grows by what was removed', async () => {
    const root = smallDisk(8);
    mkdirSync(join(root, 'usr/share/dotnet'), { recursive: true });
    writeFileSync(join(root, 'usr/share/dotnet/b'), 'x'.repeat(3e6));
    const { gained } = await reclaim('safe', { ...options, root });
    expect(gained).toBeGreaterThanOrEqual(3e6);
  });

  it('a job that is cancelled ends it', async () => {
    await expect(
      reclaim('safe', { ...options, root: folderOf(files), signal: AbortSignal.abort() }),
    ).rejects.toThrow(/abort/);
  });
});
