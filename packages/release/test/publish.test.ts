import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TemporaryRepository } from '@mlops/testkit/engine';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { publish } from '../src/publish.ts';
import { atVersion, fixture } from './fixture.ts';

let repository: TemporaryRepository;
beforeEach(async () => {
  repository = await fixture();
});
afterEach(() => repository.close());

const release = (options: { dryRun?: boolean } = {}) =>
  publish({ root: repository.path, remote: 'origin', ...options });
const remoteTags = async () => {
  const lines = (await repository.git('ls-remote', '--tags', 'origin')).split('\n').filter(Boolean);
  return Object.fromEntries(lines.map((line) => line.split('\trefs/tags/').reverse() as [string, string]));
};
const merge = async (files: Record<string, string>) => {
  await repository.commit('Change', files);
  await repository.git('push', '--quiet', 'origin', 'HEAD:main');
};
const nextTrain = {
  ...atVersion('actions/train/package.json', '1.2.4'),
  ...atVersion('workflows/package.json', '1.5.0'),
};

describe('publish', () => {
  it('puts every tag on a commit on top of HEAD that holds the release tree alone', async () => {
    const head = await repository.git('rev-parse', 'HEAD');
    const { commit } = await release();
    expect(await remoteTags()).toEqual(
      Object.fromEntries(
        ['report/v0', 'report/v0.1.0', 'train/v1', 'train/v1.2.3', 'v1', 'v1.4.0'].map((tag) => [
          tag,
          commit,
        ]),
      ),
    );
    expect(await repository.git('show', '-s', '--format=%P %an %aI %s', commit)).toBe(
      `${head} ${await repository.git('show', '-s', '--format=%an %aI', head)} Release v1.4.0`,
    );
    expect((await repository.git('ls-tree', '--name-only', commit)).split('\n')).toEqual([
      '.github',
      'LICENSE',
      'README.md',
      'actions',
    ]);
    // Neither the checkout nor its tags and branches were touched.
    expect(await repository.git('status', '--porcelain')).toBe('');
    expect(await repository.git('for-each-ref', '--format=%(refname)', 'refs/tags', 'refs/heads')).toBe(
      'refs/heads/main',
    );
    expect(await repository.git('rev-parse', 'HEAD')).toBe(head);
  });

  it('makes the same commit from the same sources', async () => {
    const { commit } = await release({ dryRun: true });
    await rm(join(repository.path, 'actions/train/dist'), { recursive: true });
    expect((await release({ dryRun: true })).commit).toBe(commit);
  });

  it('does nothing the second time', async () => {
    await release();
    const before = await remoteTags();
    expect(await release()).toMatchObject({ created: [], moved: [] });
    expect(await remoteTags()).toEqual(before);
  });

  it('tells what it would push in a dry run, and pushes nothing', async () => {
    const { created, moved } = await release({ dryRun: true });
    expect(created).toEqual(['v1.4.0', 'report/v0.1.0', 'train/v1.2.3']);
    expect(moved.map(({ tag }) => tag)).toEqual(['v1', 'report/v0', 'train/v1']);
    expect(await remoteTags()).toEqual({});
  });

  it('moves floating tags to the next release, and leaves the tags of an unchanged action', async () => {
    const first = await release();
    await merge({ ...nextTrain, 'actions/train/src/late.ts': "export const late: string = 'sooner';\n" });
    const second = await release();
    expect(second.created).toEqual(['v1.5.0', 'train/v1.2.4']);
    expect(await remoteTags()).toEqual({
      'report/v0': first.commit,
      'report/v0.1.0': first.commit,
      'train/v1': second.commit,
      'train/v1.2.3': first.commit,
      'train/v1.2.4': second.commit,
      v1: second.commit,
      'v1.4.0': first.commit,
      'v1.5.0': second.commit,
    });
  });

  it('finishes a release that was interrupted before the floating tags moved', async () => {
    const { commit } = await release();
    await repository.git('push', '--quiet', 'origin', ':refs/tags/v1');
    await merge({ 'README.md': '# Later\n' });
    expect(await release()).toMatchObject({ created: [], moved: [{ tag: 'v1', commit, from: undefined }] });
    expect((await remoteTags()).v1).toBe(commit);
  });

  it('moves a floating tag that was annotated by hand', async () => {
    await repository.git('tag', '--annotate', '--message', 'by hand', 'v1', 'HEAD');
    await repository.git('push', '--quiet', 'origin', 'refs/tags/v1');
    const { commit } = await release();
    expect((await remoteTags()).v1).toBe(commit);
  });

  it('refuses other content under a version that is released', async () => {
    await release();
    const before = await remoteTags();
    await merge({ 'packages/core/src/index.ts': "export const greeting: string = 'good day';\n" });
    const said = await release().then(() => 'published', String);
    expect(said).toContain(
      'v1.4.0 is released already and must never change, but the set 1.4.0 has other content now',
    );
    expect(said).toContain("train/v1.2.3 is released already and must never change, but 'train' 1.2.3");
    expect(said).toContain('  actions/train/dist/index.js');
    expect(await remoteTags()).toEqual(before);
  });

  it('refuses other content in a tag that this clone has never seen', async () => {
    const stranger = await fixture();
    try {
      await stranger.git('remote', 'set-url', 'origin', await repository.git('remote', 'get-url', 'origin'));
      await stranger.git(
        'push',
        '--quiet',
        'origin',
        'HEAD:refs/tags/v1.4.0',
        'HEAD:refs/tags/report/v0.1.0',
      );
      await stranger.commit('Elsewhere', { 'x.txt': 'x' });
      await stranger.git('push', '--quiet', 'origin', 'HEAD:refs/tags/train/v1.2.3');
    } finally {
      await stranger.close();
    }
    await expect(release()).rejects.toThrow('train/v1.2.3 is released already and must never change');
    expect(Object.keys(await remoteTags()).sort()).toEqual(['report/v0.1.0', 'train/v1.2.3', 'v1.4.0']);
  });

  it('refuses a dirty working tree, and a HEAD that is not pushed', async () => {
    await writeFile(join(repository.path, 'stray.txt'), '');
    await expect(release()).rejects.toThrow('stray.txt');
    await repository.commit('Not pushed');
    await expect(release()).rejects.toThrow("HEAD is on no branch of 'origin'");
    expect(await remoteTags()).toEqual({});
  });

  it('releases a commit that the remote branch has moved past', async () => {
    await merge({ 'later.txt': '' });
    await repository.git('reset', '--quiet', '--hard', 'HEAD~1');
    await repository.git('update-ref', '-d', 'refs/remotes/origin/main');
    expect((await release()).created).toContain('v1.4.0');
  });

  it('moves no floating tag for a prerelease', async () => {
    const first = await release();
    await merge(atVersion('workflows/package.json', '1.5.0-rc.1'));
    await release();
    const tags = await remoteTags();
    expect(tags.v1).toBe(first.commit);
    expect(tags['v1.5.0-rc.1']).toBeDefined();
  });
});
