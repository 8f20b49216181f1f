import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Hasher, openHasher } from '@mlops/core/hash';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { contentDigest } from '../../src/proof/content-digest.ts';

let folder: string;
let hasher: Hasher;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'content-digest-'));
  hasher = await openHasher();
});
afterAll(async () => {
  await hasher.close();
  await rm(folder, { recursive: true, force: true });
});

it('is that of a file, as sha256sum and md5sum compute it', async () => {
  await writeFile(join(folder, 'a.csv'), 'a\n');
  const digest = (like: string) => contentDigest(folder, 'a.csv', like, hasher);
  expect(await digest('sha256:')).toBe(`sha256:${createHash('sha256').update('a\n').digest('hex')}`);
  expect(await digest('md5:')).toBe('md5:60b725f10c9c85c70d97880dfe8191b3');
  expect(await contentDigest(folder, 'b.csv', 'sha256:', hasher)).toBeUndefined();
  expect(await contentDigest(folder, 'a.csv/b', 'md5:', hasher)).toBeUndefined();
});

it('is that of a folder as DVC names it: the md5 of the list of its files', async () => {
  await mkdir(join(folder, 'images/é'), { recursive: true });
  await writeFile(join(folder, 'images/b.txt'), 'b');
  await writeFile(join(folder, 'images/é/a.txt'), 'a');
  const list =
    '[{"md5": "92eb5ffee6ae2fec3ad71c777531578f", "relpath": "b.txt"}, {"md5": "0cc175b9c0f1b6a831c399e269772661", "relpath": "\\u00e9/a.txt"}]';
  const md5 = createHash('md5').update(list).digest('hex');
  expect(await contentDigest(folder, 'images', 'md5:', hasher)).toBe(`md5:${md5}.dir`);
});

it('of a folder that a stage read leaves out what tools leave behind, and of one that it wrote does not', async () => {
  await mkdir(join(folder, 'src'));
  await writeFile(join(folder, 'src/a.py'), 'a');
  const before = (await hasher.tree(join(folder, 'src'))).digest;
  await mkdir(join(folder, 'src/__pycache__'));
  await writeFile(join(folder, 'src/__pycache__/a.pyc'), 'a');
  const whole = (await hasher.tree(join(folder, 'src'))).digest;
  expect(await contentDigest(folder, 'src', before, hasher)).toBe(before);
  expect(await contentDigest(folder, 'src', whole, hasher)).toBe(whole);
  await writeFile(join(folder, 'src/a.py'), 'b');
  for (const like of [before, whole]) expect(await contentDigest(folder, 'src', like, hasher)).not.toBe(like);
});
