import { realpathSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { isWithin, toPosix } from '../hash/walk.ts';
import { retry } from '../retry.ts';
import { exists, sizeOf } from './files.ts';
import { cacheKey, decoded } from './key.ts';
import { checkedPaths, requirePaths, type Store } from './store.ts';

export interface GitHubCacheOptions {
  signal?: AbortSignal | undefined;
  /** How long a question to the service may take in milliseconds (default 20 000). */
  lookupDeadlineMs?: number | undefined;
  /** How long a save may take in milliseconds (default 30 minutes). */
  saveDeadlineMs?: number | undefined;
}

/** Whether this job can reach GitHub's cache service: the runner says so in its environment. */
export function hasGitHubCache(env: NodeJS.ProcessEnv): boolean {
  const address = env.ACTIONS_CACHE_URL || (env.ACTIONS_CACHE_SERVICE_V2 && env.ACTIONS_RESULTS_URL);
  return Boolean(env.ACTIONS_RUNTIME_TOKEN && address);
}

/**
 * GitHub's cache service, through @actions/cache. What to know of it:
 * - An entry is found again only with the same patterns (see patternsFor), compression program and, on Windows,
 *   system; a branch sees its own entries and the default branch's.
 * - A key also matches entries whose keys only start with it. Here such a match counts only if a prefix allows it.
 * - Upper and lower case count as the same, since some services (act's) give keys back in lower case.
 * - @actions/cache reports failures in the log and then says "nothing found"; so there is a lookup first, which is
 *   cheap, has a deadline, and tells a failure from a miss.
 */
export function gitHubCache(options: GitHubCacheOptions = {}): Store {
  const { signal, lookupDeadlineMs = 20_000, saveDeadlineMs = 30 * 60_000 } = options;

  /** The encoded key of the entry that the service would give. */
  async function lookup(
    patterns: string[],
    key: string,
    prefixes: readonly string[],
  ): Promise<string | undefined> {
    const { restoreCache } = await import('@actions/cache');
    const matched = await retry(() => restoreCache([...patterns], key, [...prefixes], { lookupOnly: true }), {
      what: 'the question to the cache service',
      attempts: 1,
      deadlineMs: lookupDeadlineMs,
      signal,
    });
    const allowed =
      matched && (isSame(matched, key) || prefixes.some((prefix) => startsWith(matched, prefix)));
    return allowed ? matched : undefined;
  }

  return {
    kind: 'github-cache',

    async has(key, root, paths) {
      const patterns = patternsFor(root, checkedPaths(root, paths));
      return (await lookup(patterns, cacheKey(key), [])) !== undefined;
    },

    async newest(prefix, root, paths) {
      const patterns = patternsFor(root, checkedPaths(root, paths));
      const found = await lookup(patterns, cacheKey(prefix), [cacheKey(prefix)]);
      return found === undefined ? undefined : decoded(found);
    },

    async restore(key, root, paths, { prefixes = [] } = {}) {
      const checked = checkedPaths(root, paths);
      const patterns = patternsFor(root, checked);
      const wanted = cacheKey(key);
      const found = await lookup(patterns, wanted, prefixes.map(cacheKey));
      if (found === undefined) return undefined;
      const exact = isSame(found, wanted);
      const absent: string[] = [];
      for (const path of checked) if (!(await exists(join(root, path)))) absent.push(path);
      const { restoreCache } = await import('@actions/cache');
      signal?.throwIfAborted();
      // No deadline of ours: it could not stop the unpacking. Each segment of the download has one.
      const restored = await restoreCache([...patterns], found, [], { segmentTimeoutInMs: 5 * 60_000 });
      if (!restored || !isSame(restored, found)) {
        // Half-unpacked files would look like whole ones to whoever comes next.
        for (const path of absent) await rm(join(root, path), { recursive: true, force: true });
        throw new Error(
          `the entry '${decoded(found)}' is there but could not be fetched or unpacked (see the log above)`,
        );
      }
      return {
        key: exact ? key : decoded(found),
        exact,
        bytes: await sizeOf(root, checked),
      };
    },

    async save(key, root, paths) {
      const checked = checkedPaths(root, paths);
      requirePaths(root, checked);
      const patterns = patternsFor(root, checked);
      const wanted = cacheKey(key);
      // Asked first, because the service refuses only after everything was compressed.
      if (await lookup(patterns, wanted, [])) {
        return { saved: false, bytes: 0, isTaken: true, reason: `an entry '${key}' is there already` };
      }
      const { saveCache } = await import('@actions/cache');
      const bytes = await sizeOf(root, checked);
      const id = await retry(() => saveCache([...patterns], wanted), {
        what: 'saving to the cache service',
        attempts: 1,
        deadlineMs: saveDeadlineMs,
        signal,
      });
      // The older protocol (GHES, act) gives an id also when the upload failed after it was announced.
      const certain = Boolean(process.env.ACTIONS_CACHE_SERVICE_V2);
      if (id === -1 || !(certain || (await lookup(patterns, wanted, [])))) {
        return {
          saved: false,
          bytes: 0,
          isTaken: true,
          reason: 'another job is saving it, or the cache service refused it (see the log above)',
        };
      }
      return { saved: true, bytes };
    },
  };
}

function isSame(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function startsWith(key: string, prefix: string): boolean {
  return key.toLowerCase().startsWith(prefix.toLowerCase());
}

/**
 * The paths as @actions/cache wants them, and as the version of an entry depends on them: relative to the workspace, so
 * that a runner with another workspace finds the entry; outside of it `~/…`, otherwise absolute. Like @actions/cache,
 * this counts on the process being in the workspace, where the runner starts it.
 */
export function patternsFor(root: string, paths: readonly string[]): string[] {
  const workspace = resolve(process.env.GITHUB_WORKSPACE ?? process.cwd());
  const isWorkspaceHere = realpathSync(process.cwd()) === realpathSync(workspace);
  return paths.map((path) => {
    const absolute = resolve(root, path);
    if (isWorkspaceHere && isWithin(absolute, workspace))
      return literally(relative(workspace, absolute) || '.');
    if (isWithin(absolute, homedir())) return `~/${literally(relative(homedir(), absolute))}`;
    return literally(absolute);
  });
}

/** Escaped for @actions/glob, whose patterns may be comments (#), exclusions (!) or begin at home (~). */
function literally(path: string): string {
  const escaped = toPosix(path).replace(/[*?[]/g, '[$&]');
  return /^[!#~]/.test(escaped) ? `./${escaped}` : escaped;
}
