import { createHash, hash } from 'node:crypto';
import { type BigIntStats, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { messageOf, UserError } from '../errors.ts';
import type { FileHash, FileResult } from './hash-files.ts';
import { type Match, matchPaths } from './match.ts';
import { openPool, type Pool } from './pool.ts';
import { openStatCache, type StatCache, stampOf } from './stat-cache.ts';
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

  /** Hashes what is found while the search goes on. */
  async function hashAll(found: AsyncIterable<Found[]> | Iterable<Found[]>): Promise<Hashed[]> {
    signal?.throwIfAborted();
    const lookedAt = Date.now();
    const portions: Promise<Hashed[]>[] = [];
    for await (const portion of found) {
      portions.push(hashPortion(portion, lookedAt, pool, cache));
      portions.at(-1)?.catch(() => {}); // Awaited below, unless the search fails first.
    }
    return (await Promise.all(portions)).flat();
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
      const [hashed] = await hashAll([[findFile(path, path)]]);
      return fileDigest(hashed as Hashed);
    },
    tree: (root, paths = ['.']) => hashTree(root, root, paths),
    async paths(root, patterns, ignored) {
      const matches = await matchPaths(root, patterns);
      const isFile = ({ kind }: Match) => kind === 'file';
      const files = await hashAll([
        matches.filter(isFile).map(({ path }) => findFile(resolve(root, path), path)),
      ]);
      const digests: PathDigest[] = [];
      for (const match of matches) {
        const digest = isFile(match)
          ? { ...fileDigest(files.shift() as Hashed), files: 1 }
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

interface Hashed {
  item: Found;
  hex: string | undefined;
}

/** The digest of each item: a link's from its target, a file's from the cache or from its bytes. */
async function hashPortion(
  portion: readonly Found[],
  lookedAt: number,
  pool: Pool,
  cache: StatCache | undefined,
): Promise<Hashed[]> {
  const hashed: Hashed[] = portion.map((item) => ({
    item,
    hex: item.kind === 'link' ? hash('sha256', item.target) : cache?.get(item.path, stampOf(item.stat)),
  }));
  const unread = hashed.filter((entry): entry is Hashed & { item: FoundFile } => entry.hex === undefined);
  const results = await pool.hash(
    unread.map(({ item }) => ({ path: item.path, size: Number(item.stat.size) })),
  );
  for (const [i, entry] of unread.entries()) {
    const { item } = entry;
    const result = results[i] as FileResult;
    if ('code' in result) throw unreadable(item.name, result.code, result.message);
    entry.hex = result.hex;
    if (result.stamp === stampOf(item.stat)) cache?.set(item.path, item.stat, result.hex, lookedAt);
    else requireUnchanged(item, result);
  }
  return hashed;
}

/** Size and mtime after the last byte must be those from before the first; ctime also tells of new modes and names. */
function requireUnchanged({ name, stat }: FoundFile, { stamp }: FileHash): void {
  const [size, mtime] = stamp.split(' ');
  if (size === String(stat.size) && mtime === String(stat.mtimeNs)) return;
  throw new UserError(`'${name}' changed while it was being hashed`, {
    advice: 'Something else is writing to it: wait for that to end first.',
  });
}

function fileDigest({ item, hex }: Hashed): FileDigest {
  return { digest: `sha256:${hex}`, bytes: sizeOf(item) };
}

function treeDigest(entries: Hashed[]): TreeDigest {
  entries.sort((a, b) => compareNames(a.item.name, b.item.name));
  const digest = createHash('sha256');
  let bytes = 0;
  for (const [i, { item, hex }] of entries.entries()) {
    if (i > 0 && entries[i - 1]?.item.name === item.name) throw sameName(item.name);
    digest.update(`${item.kind} ${hex} ${item.name}\0`);
    bytes += sizeOf(item);
  }
  return { digest: `sha256:${digest.digest('hex')}`, bytes, files: entries.length };
}

function sizeOf(item: Found): number {
  return item.kind === 'file' ? Number(item.stat.size) : 0;
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
  if (stat.isFile()) return { kind: 'file', name, path: resolve(path), stat };
  throw new UserError(`'${name}' is not a file`, { advice: 'Name a file that exists.' });
}

function followed(path: string, name: string): BigIntStats {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    throw unreadable(name, (error as NodeJS.ErrnoException).code, messageOf(error), error);
  }
}
