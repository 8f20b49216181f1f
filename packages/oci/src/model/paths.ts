import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@mlops/core';

/** Whether a path stays below the folder it is written to, on every system: no root, no drive or stream, no `..`. */
export function isPortable(path: string): boolean {
  const parts = path.split('/');
  const reserved = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)|[. ]$/i;
  return (
    !/[\\:\p{Cc}<>"|?*]/u.test(path) &&
    parts.every((part) => part !== '' && part !== '.' && part !== '..' && !reserved.test(part))
  );
}

/**
 * Fails unless every path can be written below one folder, beside all the others, also where case makes no difference.
 */
export function checkPaths(paths: readonly string[], shown: string): void {
  const refuse = (problem: string) =>
    new UserError(`${shown} is not written to disk: ${problem}`, {
      advice: 'Whoever packed it has to name its files otherwise.',
    });
  const files = new Map<string, string>();
  for (const path of paths) {
    if (!isPortable(path)) throw refuse(`'${path}' is no path below a folder that every system can hold`);
    const key = path.normalize('NFC').toLowerCase();
    const other = files.get(key);
    if (other !== undefined) throw refuse(`'${path}' and '${other}' are the same file on some systems`);
    files.set(key, path);
  }
  for (const [key, path] of files)
    for (let slash = key.lastIndexOf('/'); slash > 0; slash = key.lastIndexOf('/', slash - 1)) {
      const folder = files.get(key.slice(0, slash));
      if (folder !== undefined) throw refuse(`'${folder}' is a file, and a folder with '${path}' in it`);
    }
}

/** Fails when `path` is a folder in `root`, or something on the way to it is a link, which may lead anywhere. */
export async function checkWritable(root: string, path: string): Promise<void> {
  const parts = path.split('/');
  for (let depth = 1; depth <= parts.length; depth++) {
    const place = join(root, ...parts.slice(0, depth));
    const found = await lstat(place).catch(() => undefined);
    const isLast = depth === parts.length;
    if (!found || found.isDirectory() !== isLast) continue;
    const problem = isLast ? 'a folder' : found.isSymbolicLink() ? 'a link' : 'no folder';
    throw new UserError(`'${path}' cannot be written: '${place}' is ${problem}`, {
      advice: 'Remove it, or pull into an empty folder.',
    });
  }
}
