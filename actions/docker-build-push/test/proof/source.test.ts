import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHasher } from '@mlops/core/hash';
import { command } from '@mlops/core/process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readSource } from '../../src/proof/index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'source-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const git = async (...args: string[]) => (await command('git', args, { cwd: folder })).stdout;
async function commit(): Promise<void> {
  await git('add', '.');
  const who = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'commit.gpgsign=false'];
  await git(...who, 'commit', '--quiet', '-m', 'x');
}

it('is nothing outside of a working copy, and before the first commit', async () => {
  expect(await readSource(folder)).toBeUndefined();
  await git('init', '--quiet');
  expect(await readSource(folder)).toBeUndefined();
});

it('counts what git tracks, wherever in the working copy one asks, and nothing else', async () => {
  await git('init', '--quiet');
  await git('remote', 'add', 'origin', 'https://user:secret@example.org/acme/tumor.git');
  await mkdir(join(folder, 'src'));
  for (const path of ['src/b.py', 'a [x].py', 'é.py']) await writeFile(join(folder, path), path);
  await commit();
  const hasher = await openHasher();
  const { digest } = await hasher.tree(folder, ['src', 'a [x].py', 'é.py']);
  await hasher.close();
  const source = await readSource(join(folder, 'src'));
  expect(source).toEqual({
    ...{ commit: await git('rev-parse', 'HEAD'), tree: await git('rev-parse', 'HEAD^{tree}') },
    ...{ uri: 'https://example.org/acme/tumor.git', dirty: false, files: { digest, count: 3 } },
  });
  await writeFile(join(folder, 'untracked.py'), '');
  expect(await readSource(folder)).toEqual(source);
});

it.skipIf(process.platform === 'win32')(
  'counts links by their text, also those that lead nowhere',
  async () => {
    await git('init', '--quiet');
    await symlink('nowhere', join(folder, 'link'));
    await commit();
    const before = await readSource(folder);
    await rm(join(folder, 'link'));
    await symlink('elsewhere', join(folder, 'link'));
    const after = await readSource(folder);
    expect([before?.dirty, after?.dirty]).toEqual([false, true]);
    expect(after?.files.digest).not.toBe(before?.files.digest);
  },
);

it('is another when a file is changed, renamed or missing', async () => {
  await git('init', '--quiet');
  for (const path of ['a.py', 'b.py']) await writeFile(join(folder, path), path);
  await commit();
  const digest = async () => (await readSource(folder))?.files.digest;
  const seen = [await digest()];
  await writeFile(join(folder, 'a.py'), 'a.pz');
  seen.push(await digest());
  await rename(join(folder, 'a.py'), join(folder, 'c.py'));
  seen.push(await digest());
  await git('add', '--all');
  seen.push(await digest());
  expect(new Set(seen).size).toBe(4);
});
