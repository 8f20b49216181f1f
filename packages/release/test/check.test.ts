import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { command } from '@mlops/core/process';
import type { TemporaryRepository } from '@mlops/testkit/engine';
import { afterEach, describe, expect, it } from 'vitest';
import { checkRelease } from '../src/check.ts';
import { atVersion, fixture } from './fixture.ts';

const open: TemporaryRepository[] = [];
afterEach(async () => {
  for (const repository of open.splice(0)) await repository.close();
});

async function check(files: Record<string, string>, tags: string[] = []): Promise<string> {
  const repository = await fixture(files);
  open.push(repository);
  for (const tag of tags) await repository.git('tag', tag);
  return await checkRelease(repository.path).then(() => 'fine', String);
}

const changeset = (releases: string) => `---\n${releases}\n---\n\nSomething.\n`;

describe('checkRelease', () => {
  it('passes without changesets, and with ones that break nothing', async () => {
    expect(await check({})).toBe('fine');
    expect(await check({ '.changeset/a.md': changeset('train: minor') })).toBe('fine');
  });

  it('refuses a major change of an action without one of the set, and names the changeset', async () => {
    const said = await check({ '.changeset/brave-dogs.md': changeset('train: major\nreport: patch') });
    expect(said).toContain(".changeset/brave-dogs.md: a major change of 'train' breaks the set");
    expect(said).toContain(`Add the line "'@acme/workflows': major"`);
  });

  it('accepts the major of the set in the same changeset or another one', async () => {
    expect(await check({ '.changeset/a.md': changeset("train: major\n'@acme/workflows': major") })).toBe(
      'fine',
    );
    expect(
      await check({
        '.changeset/a.md': changeset('train: major'),
        '.changeset/b.md': changeset("'@acme/workflows': major"),
      }),
    ).toBe('fine');
  });

  it('refuses versions that break the released set', async () => {
    const said = await check(atVersion('actions/train/package.json', '2.0.0'), ['v1.3.0', 'train/v1.2.3']);
    expect(said).toContain("'train' goes from major version 1 to 2.0.0, but the set stays at 1.4.0");
  });
});

describe('changesets', () => {
  async function versions(files: Record<string, string>): Promise<Record<string, string>> {
    const repository = await fixture(files);
    open.push(repository);
    const changesets = createRequire(import.meta.url).resolve('@changesets/cli/bin.js');
    await command(process.execPath, [changesets, 'version'], { cwd: repository.path });
    const folders = ['packages/core', 'actions/report', 'actions/train', 'workflows'];
    const manifests = folders.map((folder) =>
      readFile(join(repository.path, folder, 'package.json'), 'utf8'),
    );
    return Object.fromEntries(
      (await Promise.all(manifests))
        .map((text) => JSON.parse(text))
        .map(({ name, version }) => [name, version]),
    );
  }

  it('release every action that bundles a changed package, and the set', async () => {
    expect(await versions({ '.changeset/a.md': changeset("'@acme/core': minor") })).toEqual({
      '@acme/core': '0.1.0',
      report: '0.1.1',
      train: '1.2.4',
      '@acme/workflows': '1.4.1',
    });
  });

  it('release the set with each action, and leave the other actions', async () => {
    expect(await versions({ '.changeset/a.md': changeset('train: minor') })).toEqual({
      '@acme/core': '0.0.0',
      report: '0.1.0',
      train: '1.3.0',
      '@acme/workflows': '1.4.1',
    });
  });
});
