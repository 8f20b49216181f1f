import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { Uv } from '../uv/uv.ts';

/*
 * Of uv's own cache, an entry holds what took work: wheels that were built from source. Wheels from the index are left
 * out, since unpacking them from a cache takes as long as fetching them. `uv cache prune --ci` makes that cut.
 */

/** uv's cache folder, which need not exist. */
export async function uvCacheFolder(uv: Uv, where: { cwd: string; signal: AbortSignal }): Promise<string> {
  if (process.env.UV_CACHE_DIR) return resolve(where.cwd, process.env.UV_CACHE_DIR);
  return (await uv.run(['cache', 'dir'], where)).stdout.trim();
}

/** Whether uv has fetched or built something before this job. */
export async function isWarm(folder: string): Promise<boolean> {
  const buckets = (await readdir(folder).catch(() => [])).filter((name) =>
    /^(archive|wheels|sdists)-v\d+$/.test(name),
  );
  for (const bucket of buckets)
    if ((await readdir(join(folder, bucket))).some((name) => !name.startsWith('.'))) return true;
  return false;
}

/** Root and paths of the entry, as the store wants them. */
export function builtWheelsPaths(folder: string): { root: string; paths: [string] } {
  return { root: dirname(folder), paths: [basename(folder)] };
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
