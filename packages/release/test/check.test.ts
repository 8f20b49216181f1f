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
