import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amount } from '../../src/disk/amount.ts';
import { contextSize } from '../../src/disk/context-size.ts';
import { isDiskFull } from '../../src/disk/full-disk.ts';
import { estimateRoom, requireRoom } from '../../src/disk/room.ts';
import { folderOf } from './folder.ts';

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
