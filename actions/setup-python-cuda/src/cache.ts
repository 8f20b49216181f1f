import { hash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import type { GitHub } from '@mlops/core';
import { hashText } from '@mlops/core/hash';
import { reasonNotToSave, type Store } from '@mlops/core/store';
import type { Python } from './python.ts';
import type { Selection } from './selection.ts';
import type { Uv } from './uv.ts';

/*
 * What is cached is what took work: wheels that were built from source. Wheels from the index are not, since unpacking
 * them from a cache takes as long as fetching them, and for large ones longer. `uv cache prune --ci` makes that cut.
 */

/** What the post step must know. */
export interface CacheState {
  folder: string;
  key: string;
  uv: string;
  /** What is installed, as `name==version`. */
  packages: string[];
}

/** Why this job has no use for a cache; undefined where it has. */
export async function reasonNotToCache(
  github: GitHub,
  kind: Store['kind'],
  folder: string,
): Promise<string | undefined> {
  // What must not leave traces for others had better not trust theirs either. A fork may read: it sees nothing secret.
  const reason = reasonNotToSave({ ...github, isFork: false });
  if (reason) return reason;
  if (kind === 'folder') return "there is no cache service, and uv's own cache serves as well";
  if (await isWarm(folder)) return "uv's own cache outlives jobs on this machine";
  return undefined;
}

/** Whether uv has fetched or built something before this job. */
async function isWarm(folder: string): Promise<boolean> {
  const buckets = (await readdir(folder).catch(() => [])).filter((name) =>
    /^(archive|wheels|sdists)-v\d+$/.test(name),
  );
  for (const bucket of buckets)
    if ((await readdir(join(folder, bucket))).some((name) => !name.startsWith('.'))) return true;
  return false;
}

/** The key of an environment's entry, and the prefixes of those that may serve in its stead. */
export function cacheKeys(
  uv: Uv,
  python: Python,
  lock: string,
  selection: Selection,
): { key: string; prefixes: string[] } {
  const prefix = `setup-python-cuda-${python.key}-uv${uv.version}-`;
  const contents = hash('sha256', JSON.stringify([lock, selection])).slice(0, 32);
  return { key: `${prefix}${contents}`, prefixes: [prefix] };
}

/**
 * Removes built wheels of packages that are not installed any more, which an entry of an older lock has brought, and
 * returns how many are left. uv keeps them in `sdists-v…/pypi/<name>/<version>`, and those of other indexes in
 * `sdists-v…/index/<digest>/<name>/<version>`.
 */
export async function keepBuiltWheels(folder: string, packages: readonly string[]): Promise<number> {
  const buckets = (await readdir(folder)).filter((name) => /^sdists-v\d+$/.test(name));
  let kept = 0;
  for (const bucket of buckets) {
    const files = await readdir(join(folder, bucket), { recursive: true });
    for (const file of files.filter((name) => name.endsWith('.whl'))) {
      const [kind, ...parts] = file.split(sep);
      const [name, version] = kind === 'pypi' ? parts : kind === 'index' ? parts.slice(1) : [];
      if (!name || packages.includes(`${name}==${version}`)) kept += 1;
      else await rm(join(folder, bucket, dirname(dirname(file))), { recursive: true, force: true });
    }
  }
  return kept;
}

/** Root and paths of the entry, as the store wants them. */
export function cachePaths(folder: string): { root: string; paths: [string] } {
  return { root: dirname(folder), paths: [basename(folder)] };
}

/**
 * What the environment is made of, as one digest: stage caches depend on it. `contents` is the digest of the lock, or
 * of the list of what was installed where no lock fixes that.
 */
export function environmentDigest(contents: string, python: Python, selection: Selection): string {
  return hashText(JSON.stringify([contents, python.key, selection]));
}
