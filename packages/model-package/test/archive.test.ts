import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openPackage, unpack } from '../src/archive.ts';
import { digestOf, type Entry, fileEntries, manifestEntry, writePackage, writeTar } from './packages.ts';

const { signal } = new AbortController();
const files = { 'model.json': '{"weights":[1,2]}', 'src/serve.py': 'print("ä")\n', 'src/empty.txt': '' };

let folder: string;
let archive: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'package-'));
  archive = join(folder, 'demo.tar');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function refusal(entries: readonly Entry[]): Promise<string> {
  await writeTar(archive, entries);
  return refusalOf(archive);
}

async function refusalOf(path: string): Promise<string> {
  const out = join(folder, 'out');
  const error = await openPackage(path, signal)
    .then((pack) => unpack(pack, out, signal))
    .catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UserError);
  return (error as UserError).message;
}

it('reads the manifest and unpacks the files as they were', async () => {
  await writePackage(archive, files);
  const pack = await openPackage(archive, signal);
  expect(pack.digest).toBe(digestOf(await readFile(archive)));
  expect(pack.manifest).toMatchObject({ name: 'demo', model: { digest: digestOf(files['model.json']) } });
  const out = join(folder, 'out');
  await unpack(pack, out, signal);
  for (const [path, content] of Object.entries(files))
    expect(await readFile(join(out, path), 'utf8')).toBe(content);
  expect((await readdir(out)).sort()).toEqual(['model.json', 'src']);
});

it('keeps what may be executed', async () => {
  const [manifest, entry] = [manifestEntry({ 'run.sh': 'x' }), { name: 'run.sh', content: 'x', mode: 0o755 }];
  await writeTar(archive, [manifest, entry]);
  await unpack(await openPackage(archive, signal), join(folder, 'out'), signal);
  if (process.platform !== 'win32') expect((await stat(join(folder, 'out/run.sh'))).mode & 0o777).toBe(0o755);
});

describe('refuses', () => {
  it('what is not there', async () =>
    expect(await refusalOf(join(folder, 'nothing.tar'))).toMatch(/there is no package at '.*nothing.tar'/));

  it('what is no tar', async () => {
    await writeFile(archive, 'not a tar, but long enough to look like one'.repeat(50));
    expect(await refusalOf(archive)).toMatch(/cannot be used/);
  });

  it('an empty file', async () => {
    await writeFile(archive, '');
    expect(await refusalOf(archive)).toMatch(/cannot be used/);
  });

  it('a tar that ends too early', async () => {
    await writePackage(archive, { 'model.json': 'x'.repeat(10_000) });
    await truncate(archive, 5000);
    expect(await refusalOf(archive)).toMatch(/cannot be used/);
  });

  it('a tar without a manifest in front', async () => {
    expect(await refusal([...fileEntries(files), manifestEntry(files)])).toMatch(
      /its first entry is 'model.json', not mlops-package.json/,
    );
  });

  it.each([
    ['no JSON', '{'],
    ['another schema', JSON.stringify({ schema: 2 })],
  ])('a manifest that is %s', async (_, content) => {
    expect(await refusal([{ name: 'mlops-package.json', content }])).toMatch(
      /its mlops-package.json is not valid/,
    );
  });

  it('a file with other bytes than the manifest says', async () => {
    const changed = { ...files, 'model.json': '{"weights":[1,3]}' };
    expect(await refusal([manifestEntry(files), ...fileEntries(changed)])).toMatch(
      /'model.json' has the digest sha256:\w+, but the manifest says sha256:/,
    );
  });

  it('a file that the manifest does not name, one that is missing, and one that is there twice', async () => {
    const entries = fileEntries(files);
    expect(await refusal([manifestEntry(files), ...entries, { name: 'more.txt', content: '' }])).toMatch(
      /'more.txt' in it is not named/,
    );
    expect(await refusal([manifestEntry(files), ...entries.slice(1)])).toMatch(/'model.json' is missing/);
    expect(await refusal([manifestEntry(files), ...entries, ...entries.slice(1, 2)])).toMatch(/a file twice/);
  });

  it.each([
    '../evil.txt',
    '/evil.txt',
    'a/../../evil.txt',
    'C:/evil.txt',
    'a\\evil.txt',
    './evil.txt',
    'a//b',
  ])('the path %s, in the manifest and in the tar', async (name) => {
    const evil = { [name]: 'evil' };
    expect(await refusal([manifestEntry(evil), ...fileEntries(evil)])).toMatch(/cannot be used/);
    expect(await refusal([manifestEntry({}), ...fileEntries(evil)])).toMatch(/cannot be used/);
    expect(await readdir(folder)).toEqual(['demo.tar']);
  });

  it.each(['symlink', 'link'] as const)('a %s, even one that the manifest names', async (type) => {
    const entry: Entry = { name: 'model.json', type, linkname: '/etc/passwd' };
    expect(await refusal([manifestEntry({ 'model.json': '' }), entry])).toMatch(/only plain files/);
  });
});
