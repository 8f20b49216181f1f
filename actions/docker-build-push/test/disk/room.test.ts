import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amount } from '../../src/disk/amount.ts';
import { contextSize } from '../../src/disk/context-size.ts';
import { diskOf, disksOf, diskTable } from '../../src/disk/free-space.ts';
import { diskFullError, isDiskFull } from '../../src/disk/full-disk.ts';
import { estimateRoom, requireRoom } from '../../src/disk/room.ts';
import { canMount, folderOf, smallDisk } from './folder.ts';

const { signal } = new AbortController();
const nothing = async () => [];

describe('contextSize', () => {
  const files = {
    'a.txt': '12345',
    'data/big.bin': 'x'.repeat(1000),
    'data/keep/k.bin': 'x'.repeat(10),
    'b/c.txt': '12',
  };

  it.each([
    ['', 1017, 4],
    ['data', 7, 2],
    ['data\n!data/keep', 17, 3],
    ['*\n!b', 2, 1],
    ['**/*.txt', 1010, 2],
    ['# data\n\n*.md', 1017, 4],
  ])('with the rules %j it is %i bytes', async (rules, bytes, count) => {
    expect(await contextSize(folderOf(files), rules, signal)).toMatchObject({ bytes, files: count });
  });

  it('names what is largest', async () => {
    const { largest } = await contextSize(folderOf(files), '', signal);
    expect(largest).toEqual([
      { path: 'data', bytes: 1010 },
      { path: 'a.txt', bytes: 5 },
      { path: 'b', bytes: 2 },
    ]);
  });

  it('ends when the job is cancelled', async () => {
    await expect(contextSize(folderOf(files), '', AbortSignal.abort())).rejects.toThrow(/abort/);
  });
});

describe('estimateRoom', () => {
  const question = { context: 0, builder: '/', temp: '/' };
  const total = (rooms: { needed: number }[]) => rooms.reduce((sum, { needed }) => sum + needed, 0);

  it('never needs less for more', async () => {
    const bytes = fc.integer({ min: 0, max: 1e12 });
    await fc.assert(
      fc.asyncProperty(bytes, bytes, bytes, bytes, async (context, model, image, more) => {
        const some = total(await estimateRoom({ ...question, context, model, image }));
        expect(some).toBeGreaterThanOrEqual(context + model + image);
        for (const grown of [{ context: context + more }, { model: model + more }, { image: image + more }])
          expect(
            total(await estimateRoom({ ...question, context, model, image, ...grown })),
          ).toBeGreaterThanOrEqual(some);
      }),
    );
  });

  it('adds up what comes to one disk, and counts a folder that is not there where it would be', async () => {
    const root = folderOf();
    const places = { builder: join(root, 'a/b'), docker: join(root, 'c'), output: root, temp: root };
    const [room, ...others] = await estimateRoom({ ...question, ...places, image: 1e9 });
    expect(others).toEqual([]);
    expect(room?.folders).toHaveLength(3);
    expect(room?.needed).toBe(200e6 + 2.5e9 + 1e9 + 2.5e9 + 1e9);
  });

  it('goes by min-free where that is set', async () => {
    expect(total(await estimateRoom({ ...question, context: 1e15, minFree: 5 }))).toBe(5);
    await expect(requireRoom({ ...question, minFree: 0 }, nothing)).resolves.toHaveLength(1);
    await expect(requireRoom({ ...question, minFree: 1e18 }, nothing)).rejects.toThrow(/as 'min-free' says/);
  });
});

// Only root may mount; elsewhere these are skipped.
describe.skipIf(!canMount)('a small disk', () => {
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

it.each([
  ['ERROR: failed to copy: write /var/lib/buildkit/x: no space left on device', true],
  ['OSError: [Errno 28] No space left on device', true],
  ['ENOSPC: no space left on device, write', true],
  ['There is not enough space on the disk.', true],
  ['write /x: disk quota exceeded', true],
  ['exit code: 137', false],
  ['no such device', false],
])('isDiskFull(%j): %s', (text, expected) => {
  expect(isDiskFull(text)).toBe(expected);
});

it.each([
  [0, '0 kB'],
  [999_999, '1000 kB'],
  [1.5e6, '2 MB'],
  [12.34e9, '12.3 GB'],
])('amount(%i): %s', (bytes, shown) => {
  expect(amount(bytes)).toBe(shown);
});
