import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf, UserError } from '@mlops/core';
import { type Hasher, leftBehind } from '@mlops/core/hash';

/**
 * The digest of a file or folder in the way that `like` was made: of the record's own kind, or of DVC's. Undefined
 * where nothing is there.
 */
export async function contentDigest(
  folder: string,
  path: string,
  like: string,
  hasher: Hasher,
): Promise<string | undefined> {
  const place = resolve(folder, path);
  const found = await stat(place).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw unreadable(path, error);
  });
  if (!found) return undefined;
  if (like.startsWith('md5:')) {
    try {
      return `md5:${found.isDirectory() ? await folderMd5(place) : await fileMd5(place)}`;
    } catch (error) {
      throw unreadable(path, error);
    }
  }
  if (found.isFile()) return (await hasher.file(place)).digest;
  const counted = (await hasher.paths(folder, [path], leftBehind))[0]?.digest;
  // What a stage wrote is counted whole.
  return counted === like ? counted : (await hasher.tree(place)).digest;
}

function unreadable(path: string, cause: unknown): UserError {
  return new UserError(`'${path}' cannot be read: ${messageOf(cause)}`, { cause });
}

/** A folder as DVC 3 names it: the md5 of its list of files, as Python's json writes that. */
async function folderMd5(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name))
      .map(async (path) => ({
        relpath: relative(folder, path).replaceAll('\\', '/'),
        md5: await fileMd5(path),
      })),
  );
  files.sort((a, b) => Buffer.compare(Buffer.from(a.relpath), Buffer.from(b.relpath)));
  const items = files.map(({ md5, relpath }) => `{"md5": "${md5}", "relpath": ${pythonText(relpath)}}`);
  return `${hash('md5', `[${items.join(', ')}]`)}.dir`;
}

function pythonText(text: string): string {
  return JSON.stringify(text).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

async function fileMd5(path: string): Promise<string> {
  const digest = createHash('md5');
  await pipeline(createReadStream(path), digest);
  return digest.digest('hex');
}
