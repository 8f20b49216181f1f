import { git, gitAgrees } from './git.ts';

export interface RemoteTag {
  /** What the tag's ref holds, which a forced push has to name. */
  oid: string;
  /** The commit it leads to; another id than the ref's for an annotated tag. */
  commit: string;
}

/** All tags of a remote by name. */
export async function remoteTags(root: string, remote: string): Promise<Map<string, RemoteTag>> {
  const tags = new Map<string, RemoteTag>();
  for (const line of (await git(root, ['ls-remote', '--tags', remote])).split('\n').filter(Boolean)) {
    const [oid = '', ref = ''] = line.split('\t');
    const name = ref.replace(/^refs\/tags\//, '').replace(/\^\{\}$/, '');
    // A line for the commit follows that of an annotated tag.
    tags.set(name, { oid: tags.get(name)?.oid ?? oid, commit: oid });
  }
  return tags;
}

/** Brings the commits of tags into the local objects, without making local tags. */
export async function fetchTags(
  root: string,
  remote: string,
  tags: ReadonlyMap<string, RemoteTag>,
  names: readonly string[],
): Promise<void> {
  const missing: string[] = [];
  for (const name of names) {
    const tag = tags.get(name);
    if (tag && !(await gitAgrees(root, ['cat-file', '-e', `${tag.commit}^{commit}`])))
      missing.push(`refs/tags/${name}`);
  }
  if (missing.length)
    await git(root, ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', remote, ...missing]);
}

/** Whether HEAD is part of a branch of the remote. */
export async function isOnRemote(root: string, remote: string): Promise<boolean> {
  const heads = (await git(root, ['ls-remote', '--heads', remote])).split('\n').filter(Boolean);
  const branches = heads.map((line) => line.split('\t') as [string, string]);
  const head = await git(root, ['rev-parse', 'HEAD']);
  if (branches.some(([oid]) => oid === head)) return true;
  await git(root, [
    'fetch',
    '--quiet',
    '--no-tags',
    '--no-write-fetch-head',
    remote,
    ...branches.map(([, ref]) => ref),
  ]);
  for (const [oid] of branches)
    if (await gitAgrees(root, ['merge-base', '--is-ancestor', 'HEAD', oid])) return true;
  return false;
}
