import { lstatSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { UserError } from '../errors.ts';
import { isWithin, toPosix } from '../hash/walk.ts';

/**
 * Keeps files under a key, so that another job or another run can have them again.
 *
 * `paths` are files and folders relative to `root`. An entry is found again only with the same set of paths, in any
 * order, so always hand over the same list for one purpose. Entries never change: what was saved under a key stays.
 */
export interface Store {
  readonly kind: 'github-cache' | 'github-artifacts' | 'folder';
  /** Whether there is an entry under exactly this key. */
  has(key: string, root: string, paths: readonly string[]): Promise<boolean>;
  /** The key of the newest entry whose key starts with this; undefined when there is none. */
  newest(prefix: string, root: string, paths: readonly string[]): Promise<string | undefined>;
  /**
   * Lays the entry's files over what is below `root`: files of the same name are replaced, others stay. Without an
   * entry under the key, the newest one whose key starts with the first of `prefixes` that any entry starts with.
   * Undefined when there is none.
   */
  restore(
    key: string,
    root: string,
    paths: readonly string[],
    options?: { prefixes?: readonly string[] },
  ): Promise<Restored | undefined>;
  /** Saves the paths, all of which must exist. An entry that is there already is left as it is. */
  save(key: string, root: string, paths: readonly string[]): Promise<Saved>;
}

export interface Restored {
  /** The key of the entry that was found. */
  key: string;
  /** Whether that is the key that was asked for. */
  exact: boolean;
  /** Size of the restored files, uncompressed. */
  bytes: number;
}

export interface Saved {
  saved: boolean;
  /** Size of the files, uncompressed; 0 when they were not saved. */
  bytes: number;
  /** Why nothing was saved. */
  reason?: string;
  /** Nothing was saved because the key has an entry, or another job is saving one: another key may be free. */
  isTaken?: boolean;
}

/** The paths sorted, each once, after a check that they are relative to the root and stay in it. */
export function checkedPaths(root: string, paths: readonly string[]): string[] {
  if (paths.length === 0) throw new UserError('no path is given for what to save or restore');
  for (const path of paths) {
    const inside = path !== '' && isWithin(resolve(root, path), resolve(root));
    if (!inside || isAbsolute(path)) {
      throw new UserError(`the path '${path}' is not a path inside '${root}'`, {
        advice: 'Name a file or folder relative to it, without leaving it.',
      });
    }
    if (path.trim() !== path || path.includes('\n')) {
      throw new UserError(`the path '${path}' has a line break, or a space at an end, which cannot be kept`, {
        advice: 'Rename it.',
      });
    }
  }
  const normal = paths.map((path) => toPosix(relative(resolve(root), resolve(root, path))) || '.');
  return [...new Set(normal)].sort();
}

/** @throws UserError for the first path that does not exist */
export function requirePaths(root: string, paths: readonly string[]): void {
  for (const path of paths) {
    if (lstatSync(resolve(root, path), { throwIfNoEntry: false })) continue;
    throw new UserError(`'${path}' cannot be saved: it does not exist in '${root}'`, {
      advice: 'Check that the step that makes it has run and writes it there.',
    });
  }
}
