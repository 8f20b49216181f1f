import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { missingFiles, ownExtras } from '../src/own-extras.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'extras-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const files = { userReport: 'report.md', modelCard: 'CARD.md' };
const read = async (_: string, path: string) => ({ markdown: path, images: new Map() });

test('files that are there are taken, and what no job has is named', async () => {
  const nothing = await ownExtras(files, folder, read);
  expect(nothing).toEqual({});
  expect(missingFiles(files, nothing)).toEqual(["user-report 'report.md'", "model-card 'CARD.md'"]);
  for (const name of ['report.md', 'CARD.md']) await writeFile(join(folder, name), '');
  const both = await ownExtras(files, folder, read);
  expect(both).toEqual({ userReport: { markdown: 'report.md', images: new Map() }, modelCard: '' });
  expect(missingFiles(files, both)).toEqual([]);
  expect(missingFiles({ userReport: undefined, modelCard: undefined }, {})).toEqual([]);
});

test.each<[string, () => Promise<unknown>, string]>([
  ['folder', () => mkdir(join(folder, 'CARD.md')), "input model-card: 'CARD.md' is no file"],
  [
    'very long file',
    () => writeFile(join(folder, 'CARD.md'), 'x'.repeat(1_000_001)),
    "input model-card: 'CARD.md' has 1000001 bytes, more than 1 MB",
  ],
  [
    'file in UTF-16',
    () => writeFile(join(folder, 'CARD.md'), Buffer.from('\uFEFFcard', 'utf16le')),
    "input model-card: 'CARD.md' is not UTF-8",
  ],
])('a %s is no model card', async (_, make, message) => {
  await make();
  await expect(ownExtras(files, folder, read)).rejects.toThrow(message);
});
