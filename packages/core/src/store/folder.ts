import { hash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, UserError } from '../errors.ts';
import { isWithin } from '../hash/walk.ts';
import { copy, type Entry, exists, moveOver, NotAsListedError, scan, totalSize } from './files.ts';
import { checkedPaths, requirePaths, type Store } from './store.ts';

export interface FolderStoreOptions {
  /** Where entries are kept. */
  folder: string;
  /** The entries used longest ago are removed beyond this many bytes (default 10 GiB, as on GitHub). */
  maxBytes?: number | undefined;
}

/** What stands in an entry's `entry.json`; its mtime is when the entry was last used. */
interface Label {
  key: string;
  bytes: number;
  /** Milliseconds since the epoch. */
  created: number;
}

const abandonedAfterMs = 24 * 60 * 60 * 1000;

/**
 * A store in a folder. An entry is a folder `<hash of the paths>/<hash of the key>/` with a label, a list of what is in
 * it, and the files. It appears and disappears by one rename, so any number of processes may use the folder at once.
 * Files keep their modes, times (to the microsecond) and symbolic links; they are copied, never hard-linked, so that
 * nobody can change an entry through a restored file.
 */
export function folderStore({ folder, maxBytes = 10 * 1024 ** 3 }: FolderStoreOptions): Store {
  const storeRoot = resolve(folder);
  const versionFolder = (paths: readonly string[]) =>
    join(storeRoot, hash('sha256', paths.join('\n')).slice(0, 32));
  const entryFolder = (key: string, paths: readonly string[]) =>
    join(versionFolder(paths), hash('sha256', key));
  const temporary = () => join(storeRoot, 'tmp', randomUUID());

  /** The entry's folder under the key itself, otherwise that of the newest one under a prefix. */
  async function find(
    key: string,
    paths: readonly string[],
    prefixes: readonly string[],
  ): Promise<string | undefined> {
    const exact = entryFolder(key, paths);
    if (await exists(exact)) return exact;
    if (prefixes.length === 0) return undefined;
    const entries = await labels(versionFolder(paths));
    for (const prefix of prefixes) {
      const matching = entries.filter(({ label }) => label.key.startsWith(prefix));
      const newest = matching.sort((a, b) => b.label.created - a.label.created)[0];
      if (newest) return newest.path;
    }
    return undefined;
  }

  /** Makes an entry vanish at once, then removes it at leisure. */
  async function remove(path: string): Promise<void> {
    const trash = temporary();
    await mkdir(join(storeRoot, 'tmp'), { recursive: true });
    await rename(path, trash).catch(ifGone);
    await rm(trash, { recursive: true, force: true });
  }

  async function evict(): Promise<void> {
    const entries: { path: string; label: Label; used: number }[] = [];
    for (const version of await readdir(storeRoot)) {
      if (version !== 'tmp') entries.push(...(await labels(join(storeRoot, version))));
    }
    entries.sort((a, b) => a.used - b.used);
    let total = entries.reduce((sum, { label }) => sum + label.bytes, 0);
    for (const { path, label } of entries) {
      if (total <= maxBytes) break;
      await remove(path);
      total -= label.bytes;
    }
    for (const name of await readdir(join(storeRoot, 'tmp'))) {
      const path = join(storeRoot, 'tmp', name);
      const abandoned = await stat(path).then(
        ({ mtimeMs }) => mtimeMs < Date.now() - abandonedAfterMs,
        ifGone,
      );
      if (abandoned) await rm(path, { recursive: true, force: true });
    }
  }

  return {
    kind: 'folder',

    async has(key, root, paths) {
      return exists(entryFolder(key, checkedPaths(root, paths)));
    },

    async newest(prefix, root, paths) {
      const path = await find(prefix, checkedPaths(root, paths), [prefix]);
      return path === undefined ? undefined : (await readLabel(path)).key;
    },

    async restore(key, root, paths, { prefixes = [] } = {}) {
      const path = await find(key, checkedPaths(root, paths), prefixes);
      if (!path) return undefined;
      // Beside the target, so that files can be moved into place once all of them are known to be whole.
      const staging = join(root, `.mlops-restore-${randomUUID()}`);
      await mkdir(staging, { recursive: true });
      try {
        const label = await readLabel(path);
        const entries = await readList(path);
        await copy(entries, join(path, 'files'), staging);
        await moveOver(entries, staging, root);
        await markUsed(path);
        return { key: label.key, exact: label.key === key, bytes: label.bytes };
      } catch (error) {
        if (!(error instanceof NotAsListedError)) throw error;
        if (!(await exists(path))) return undefined; // Another process has just evicted it.
        await remove(path);
        throw new Error(`the entry '${path}' is damaged (${error.message}) and was removed`, {
          cause: error,
        });
      } finally {
        await rm(staging, { recursive: true, force: true });
      }
    },

    async save(key, root, paths) {
      const checked = checkedPaths(root, paths);
      requirePaths(root, checked);
      const target = entryFolder(key, checked);
      const already = {
        ...{ saved: false, bytes: 0, isTaken: true },
        reason: `an entry '${key}' is there already`,
      };
      if (await exists(target)) return already;
      if (checked.some((path) => isWithin(storeRoot, resolve(root, path)))) {
        throw new UserError(`the cache folder '${storeRoot}' lies inside what is to be saved in it`, {
          advice: 'Let MLOPS_CACHE_DIR name a folder elsewhere.',
        });
      }
      const entries = await scan(root, checked);
      const bytes = totalSize(entries);
      if (bytes > maxBytes) {
        return {
          saved: false,
          bytes: 0,
          reason: `${bytes} bytes are more than the store's limit of ${maxBytes}`,
        };
      }
      const draft = temporary();
      try {
        await mkdir(join(draft, 'files'), { recursive: true });
        await copy(entries, root, join(draft, 'files'));
        const label: Label = { key, bytes, created: Date.now() };
        await writeFile(join(draft, 'list.json'), JSON.stringify(entries));
        await writeFile(join(draft, 'entry.json'), JSON.stringify(label));
        await mkdir(versionFolder(checked), { recursive: true });
        await rename(draft, target);
      } catch (error) {
        if (await exists(target)) return already; // Another process was faster.
        throw error;
      } finally {
        await rm(draft, { recursive: true, force: true });
      }
      await evict();
      return { saved: true, bytes };
    },
  };
}

/** The labels of all whole entries in a folder. */
async function labels(folder: string): Promise<{ path: string; label: Label; used: number }[]> {
  const found: { path: string; label: Label; used: number }[] = [];
  for (const name of (await readdir(folder).catch(ifGone)) ?? []) {
    const path = join(folder, name);
    try {
      const { mtimeMs } = await stat(join(path, 'entry.json'));
      found.push({ path, label: await readLabel(path), used: mtimeMs });
    } catch {
      // Evicted meanwhile, or damaged: whoever asks for it by its key removes it.
    }
  }
  return found;
}

async function readLabel(path: string): Promise<Label> {
  const { key, bytes, created } = (await readJson(join(path, 'entry.json'))) as Partial<Label>;
  if (typeof key === 'string' && typeof bytes === 'number' && typeof created === 'number') {
    return { key, bytes, created };
  }
  throw new NotAsListedError('its entry.json is incomplete');
}

async function readList(path: string): Promise<Entry[]> {
  const list = await readJson(join(path, 'list.json'));
  if (Array.isArray(list)) return list as Entry[];
  throw new NotAsListedError('its list.json is not a list');
}

async function readJson(file: string): Promise<object> {
  try {
    const value = JSON.parse(await readFile(file, 'utf8')) as unknown;
    if (typeof value === 'object' && value !== null) return value;
  } catch (error) {
    throw new NotAsListedError(`'${file}' cannot be read: ${messageOf(error)}`, { cause: error });
  }
  throw new NotAsListedError(`'${file}' holds no object`);
}

async function markUsed(path: string): Promise<void> {
  const now = new Date();
  await utimes(join(path, 'entry.json'), now, now).catch(ifGone);
}

function ifGone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
