import { createHash, hash } from 'node:crypto';
import { type Stats, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, UserError } from '../errors.ts';
import { digestFiles } from './digest-files.ts';

export { leftBehind } from './left-behind.ts';

import { type Match, matchPaths } from './match.ts';
import { openPool } from './pool.ts';
import { openStatCache } from './stat-cache.ts';
import { compareNames, type Found, type FoundFile, unreadable, walk } from './walk.ts';

export interface HasherOptions {
  /** Where digests of unchanged files are kept between runs; see StatCache. Default: every file is read. */
  statCacheFile?: string | undefined;
  /** How many threads read and hash (default: one for each core). */
  concurrency?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface FileDigest {
  /** `sha256:<hex>` of the bytes, as sha256sum computes it. */
  digest: string;
  bytes: number;
}

export interface TreeDigest extends FileDigest {
  /** Files and links in it. */
  files: number;
}

export type PathDigest = Match & TreeDigest;

/**
 * Hashes files and trees by content; the same content gives the same digest on every platform and in every folder.
 *
 * The digest of a tree is the sha256 of one record per entry, sorted by the bytes of the entry's name:
 * `file <hex of the content> <name>\0` or `link <hex of the target> <name>\0`. What counts:
 * - names relative to the tree, with `/`, in Unicode's NFC
 * - a symbolic link by its text while it is relative and stays inside the tree (what it points to counts anyway);
 *   any other link as what it leads to, so that data linked from elsewhere is not missed
 * - no permissions, no times, no empty folders: Git, artifacts and Windows do not keep them
 *
 * Errors are UserErrors: what cannot be read, changes or vanishes while it is read, dangling and circular links out of
 * the tree, named pipes, sockets and devices.
 */
export interface Hasher {
  /** A file's digest; a symbolic link is followed. */
  file(path: string): Promise<FileDigest>;
  /** A folder's digest; with `paths`, relative to it, of what is at or below these only. */
  tree(root: string, paths?: readonly string[]): Promise<TreeDigest>;
  /**
   * The digest of each file and folder that the patterns name; see matchPaths. Inside folders, what has one of the
   * names in `ignored` does not count.
   */
  paths(root: string, patterns: readonly string[], ignored?: ReadonlySet<string>): Promise<PathDigest[]>;
  /** Ends the threads and writes the stat cache. */
  close(): Promise<void>;
}

export async function openHasher(options: HasherOptions = {}): Promise<Hasher> {
  const pool = openPool(options);
  const cache = options.statCacheFile ? openStatCache(resolve(options.statCacheFile)) : undefined;
  const { signal } = options;

  async function hashAll(found: AsyncIterable<Found[]> | Iterable<Found[]>): Promise<Found[]> {
    signal?.throwIfAborted();
    return digestFiles(found, pool, cache);
  }

  async function hashTree(
    root: string,
    name: string,
    paths: readonly string[],
    ignored?: ReadonlySet<string>,
  ): Promise<TreeDigest> {
    if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) {
      throw new UserError(`'${name}' is not a folder`, { advice: 'Name a folder that exists.' });
    }
    return treeDigest(await hashAll(walk(root, paths, signal, ignored)));
  }

  return {
    async file(path) {
      const file = findFile(path, path);
      await hashAll([[file]]);
      return fileDigest(file);
    },
    tree: (root, paths = ['.']) => hashTree(root, root, paths),
    async paths(root, patterns, ignored) {
      const matches = await matchPaths(root, patterns);
      const files = new Map<Match, FoundFile>();
      for (const match of matches)
        if (match.kind === 'file') files.set(match, findFile(resolve(root, match.path), match.path));
      await hashAll([[...files.values()]]);
      const digests: PathDigest[] = [];
      for (const match of matches) {
        const file = files.get(match);
        const digest = file
          ? { ...fileDigest(file), files: 1 }
          : await hashTree(resolve(root, match.path), match.path, ['.'], ignored);
        digests.push({ ...match, ...digest });
      }
      return digests;
    },
    async close() {
      await pool.close();
      await cache?.save();
    },
  };
}

/** `sha256:<hex>` of a text in UTF-8. */
export function hashText(text: string): string {
  return `sha256:${hash('sha256', text)}`;
}

function fileDigest({ stamp, hex }: FoundFile): FileDigest {
  return { digest: `sha256:${hex}`, bytes: stamp?.size ?? 0 };
}

function treeDigest(entries: Found[]): TreeDigest {
  entries.sort((a, b) => compareNames(a.name, b.name));
  const digest = createHash('sha256');
  let bytes = 0;
  let records = '';
  let last: string | undefined;
  for (const entry of entries) {
    if (entry.name === last) throw sameName(entry.name);
    last = entry.name;
    const hex = entry.kind === 'link' ? hash('sha256', entry.target) : entry.hex;
    records += `${entry.kind} ${hex} ${entry.name}\0`;
    if (entry.kind === 'file') bytes += entry.stamp?.size ?? 0;
    if (records.length < 65_536) continue; // A call for each record would take longer than all hashing.
    digest.update(records);
    records = '';
  }
  digest.update(records);
  return { digest: `sha256:${digest.digest('hex')}`, bytes, files: entries.length };
}

function sameName(name: string): UserError {
  return new UserError(
    `two files are called '${name}', once with composed and once with decomposed characters`,
    {
      advice: 'Rename one of them; some systems cannot tell them apart.',
    },
  );
}

function findFile(path: string, name: string): FoundFile {
  const stat = followed(path, name);
  if (stat.isFile()) return { kind: 'file', name, path: resolve(path), stamp: stat };
  throw new UserError(`'${name}' is not a file`, { advice: 'Name a file that exists.' });
}

function followed(path: string, name: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw unreadable(name, (error as NodeJS.ErrnoException).code, messageOf(error), error);
  }
}
