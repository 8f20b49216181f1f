import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { throwAll, UserError } from '@mlops/core';
import { checkRelease } from './check.ts';
import { commitRelease, writeTree } from './commit.ts';
import { git, requireClean } from './git.ts';
import { fetchTags, isOnRemote, type RemoteTag, remoteTags } from './remote-tags.ts';
import type { Refs } from './render.ts';
import { immutableTag, planTags } from './tags.ts';
import { buildReleaseTree, type ReleaseTree } from './tree.ts';

export interface PublishOptions {
  root: string;
  /** Name or address of the remote. */
  remote: string;
  refs?: Refs;
  /** Find out what would be pushed, and push nothing. */
  dryRun?: boolean;
}

export interface Publication {
  version: string;
  /** The release commit, which new tags point at. */
  commit: string;
  /** New immutable tags. */
  created: string[];
  /** Floating tags that moved, with the commit they leave, if any. */
  moved: { tag: string; target: string; commit: string; from: string | undefined }[];
}

/**
 * Releases HEAD: builds its tree, commits it on top, and pushes the tags that are missing. Run again, it pushes what an
 * interrupted run left out, or nothing.
 */
export async function publish({
  root,
  remote,
  refs = 'set',
  dryRun = false,
}: PublishOptions): Promise<Publication> {
  await requireClean(root);
  await checkRelease(root);
  if (!(await isOnRemote(root, remote)))
    throw new UserError(`HEAD is on no branch of '${remote}'`, {
      advice: 'Push it first; only what is merged is released.',
    });
  const existing = await remoteTags(root, remote);

  const scratch = await mkdtemp(join(tmpdir(), 'mlops-release-'));
  try {
    const tree = await buildReleaseTree({ root, out: join(scratch, 'tree'), refs, source: 'head' });
    const plan = planTags({
      setVersion: tree.version,
      actions: tree.actions,
      existingTags: [...existing.keys()],
    });
    const treeId = await writeTree(root, tree);
    await requireUnchanged(root, remote, { tree, treeId, existing });

    const commit = await commitRelease(root, treeId, tree);
    const created = plan.immutable;
    const moved = plan.floating
      .map(({ tag, target }) => ({
        tag,
        target,
        commit: existing.get(target)?.commit ?? commit,
        from: existing.get(tag)?.commit,
      }))
      .filter((move) => move.commit !== move.from);
    if (!dryRun) {
      await push(
        root,
        remote,
        created.map((tag) => `${commit}:refs/tags/${tag}`),
      );
      const leases = moved.map(
        ({ tag }) => `--force-with-lease=refs/tags/${tag}:${existing.get(tag)?.oid ?? ''}`,
      );
      await push(
        root,
        remote,
        moved.map((move) => `${move.commit}:refs/tags/${move.tag}`),
        leases,
      );
    }
    return { version: tree.version, commit, created, moved };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Pushes refs, all or none. */
async function push(root: string, remote: string, refspecs: string[], leases: string[] = []): Promise<void> {
  if (refspecs.length) await git(root, ['push', '--quiet', '--atomic', ...leases, remote, ...refspecs]);
}

/** What runs must be what the tag of its version already holds; texts may change between releases. */
async function requireUnchanged(
  root: string,
  remote: string,
  release: { tree: ReleaseTree; treeId: string; existing: ReadonlyMap<string, RemoteTag> },
): Promise<void> {
  const { tree, treeId, existing } = release;
  const parts = (name: string) => [`actions/${name}/action.yml`, `actions/${name}/dist`];
  const versions = [
    {
      name: '',
      version: tree.version,
      paths: ['.github/workflows', ...tree.actions.flatMap(({ name }) => parts(name))],
    },
    ...tree.actions.map(({ name, version }) => ({ name, version, paths: parts(name) })),
  ];
  const tags = versions.map(({ name, version }) => immutableTag(name, version));
  await fetchTags(root, remote, existing, tags);

  const problems: UserError[] = [];
  for (const [index, { name, version, paths }] of versions.entries()) {
    const tag = existing.get(tags[index] ?? '');
    if (!tag) continue;
    const changes = await git(root, ['diff-tree', '-r', '--name-only', tag.commit, treeId, '--', ...paths]);
    if (!changes) continue;
    problems.push(
      new UserError(
        `${tags[index]} is released already and must never change, but ${name ? `'${name}'` : 'the set'} ${version} has other content now:\n${changes.replace(/^/gm, '  ')}`,
        {
          advice:
            "Describe the change with 'pnpm changeset', then raise the versions with 'pnpm changeset version'.",
        },
      ),
    );
  }
  throwAll(problems);
}
