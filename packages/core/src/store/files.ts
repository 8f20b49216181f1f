import { constants, type Stats } from 'node:fs';
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  utimes,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { UserError } from '../errors.ts';

/** A file, folder or symbolic link below some root. */
export interface Entry {
  /** Relative, with `/`. */
  path: string;
  type: 'file' | 'folder' | 'link';
  /** Permission bits. */
  mode: number;
  /** Seconds since the epoch. */
  mtime: number;
  /** Bytes of a file, otherwise 0. */
  size: number;
  /** What a link says. */
  target?: string;
}

const atOnce = 16;

/** Everything at and below the paths, folders before what is in them. */
export async function scan(root: string, paths: readonly string[]): Promise<Entry[]> {
  const entries = new Map<string, Entry>();
  const visit = async (path: string): Promise<void> => {
    const entry = await look(root, path);
    entries.set(path, entry);
    if (entry.type !== 'folder') return;
    for (const child of await readdir(join(root, path)))
      await visit(path === '.' ? child : `${path}/${child}`);
  };
  for (const path of paths) await visit(path);
  return [...entries.values()];
}

/** Size of all files at and below those of the paths that exist. */
export async function sizeOf(root: string, paths: readonly string[]): Promise<number> {
  const present: string[] = [];
  for (const path of paths) if (await exists(join(root, path))) present.push(path);
  return totalSize(await scan(root, present));
}

export function totalSize(entries: readonly Entry[]): number {
  return entries.reduce((sum, { size }) => sum + size, 0);
}

/** A file is not there as its entry says. */
export class NotAsListedError extends Error {
  override readonly name = 'NotAsListedError';
}

/**
 * Copies the entries from one root to another, empty one, with times and modes of files; blocks are shared where the
 * file system can (copy on write).
 * @throws NotAsListedError for a file that is gone or has another size than its entry says
 */
export async function copy(entries: readonly Entry[], from: string, to: string): Promise<void> {
  for (const { path, type } of entries) {
    await mkdir(type === 'folder' ? join(to, path) : dirname(join(to, path)), { recursive: true });
  }
  await each(entries, async (entry) => {
    const [source, target] = [join(from, entry.path), join(to, entry.path)];
    if (entry.type === 'link') await symlink(entry.target ?? '', target);
    if (entry.type !== 'file') return;
    const size = (await statOrUndefined(source))?.size;
    if (size !== entry.size) {
      throw new NotAsListedError(`'${entry.path}' has ${size ?? 'no'} bytes instead of ${entry.size}`);
    }
    await copyFile(source, target, constants.COPYFILE_FICLONE);
    await chmod(target, entry.mode);
    await utimes(target, entry.mtime, entry.mtime);
  });
}

/** Moves the entries from one root over what is in another, on the same file system; folders get times and modes. */
export async function moveOver(entries: readonly Entry[], from: string, to: string): Promise<void> {
  for (const { path, type } of entries) {
    const target = join(to, path);
    if (type === 'folder') await ensureFolder(target);
    else await mkdir(dirname(target), { recursive: true });
  }
  await each(entries, async ({ path, type }) => {
    if (type === 'folder') return;
    const target = join(to, path);
    if (await isFolder(target)) await rm(target, { recursive: true });
    await rename(join(from, path), target);
  });
  // Innermost first: changing what is in a folder would change its time, and a mode may forbid it.
  for (const { path, type, mode, mtime } of entries.toReversed()) {
    if (type !== 'folder' || path === '.') continue;
    await chmod(join(to, path), mode);
    await utimes(join(to, path), mtime, mtime);
  }
}

async function ensureFolder(path: string): Promise<void> {
  if ((await exists(path)) && !(await isFolder(path))) await rm(path);
  await mkdir(path, { recursive: true });
}

async function isFolder(path: string): Promise<boolean> {
  return (await statOrUndefined(path))?.isDirectory() ?? false;
}

export async function exists(path: string): Promise<boolean> {
  return (await statOrUndefined(path)) !== undefined;
}

async function statOrUndefined(path: string): Promise<Stats | undefined> {
  return lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}

async function look(root: string, path: string): Promise<Entry> {
  const stat = await lstat(join(root, path));
  const common = { path, mode: stat.mode & 0o777, mtime: stat.mtimeMs / 1000 };
  if (stat.isFile()) return { ...common, type: 'file', size: stat.size };
  if (stat.isDirectory()) return { ...common, type: 'folder', size: 0 };
  if (stat.isSymbolicLink()) {
    return { ...common, type: 'link', size: 0, target: await readlink(join(root, path)) };
  }
  throw new UserError(`'${path}' is a pipe, socket or device, which cannot be saved`, {
    advice: 'Name files and folders of files only.',
  });
}

/** Calls `fn` for all items, several at once. */
async function each<T>(items: readonly T[], fn: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await fn(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
