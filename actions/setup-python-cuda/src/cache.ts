import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { GitHub } from '@mlops/core';
import { hashText } from '@mlops/core/hash';
import type { Python } from './python.ts';
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
}

/** Events whose jobs neither trust the cache of others nor may others trust theirs. */
const uncachedEvents = ['pull_request_target', 'workflow_run', 'release'];

/** Why this job has no use for a cache; undefined where it has. */
export async function reasonNotToCache(
  github: GitHub,
  kind: string,
  folder: string,
): Promise<string | undefined> {
  if (uncachedEvents.includes(github.event)) return `the event is ${github.event}`;
  if (github.ref.startsWith('refs/tags/')) return 'a tag is being built';
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
export function cacheKeys(uv: Uv, python: Python, lock: string): { key: string; prefixes: string[] } {
  const prefix = `setup-python-cuda-${python.key}-uv${uv.version}-`;
  return { key: `${prefix}${lock.replace('sha256:', '').slice(0, 32)}`, prefixes: [prefix] };
}

/** Whether the folder, once pruned, holds a wheel that was built here. */
export async function holdsBuiltWheels(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch(() => []);
  for (const bucket of names.filter((name) => /^sdists-v\d+$/.test(name))) {
    const files = await readdir(join(folder, bucket), { recursive: true });
    if (files.some((file) => file.endsWith('.whl'))) return true;
  }
  return false;
}

/** Root and paths of the entry, as the store wants them. */
export function cachePaths(folder: string): { root: string; paths: [string] } {
  return { root: dirname(folder), paths: [basename(folder)] };
}

/**
 * What the environment is made of, as one digest: stage caches depend on it. `contents` is the digest of the lock, or
 * of the list of what was installed where no lock fixes that.
 */
export function environmentDigest(contents: string, python: Python, selection: object): string {
  return hashText(JSON.stringify([contents, python.key, selection]));
}
