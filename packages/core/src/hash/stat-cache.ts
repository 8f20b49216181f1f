import { hash, randomUUID } from 'node:crypto';
import { lstatSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, UserError } from '../errors.ts';
import { packStamps, type Stamp, unpackStamp } from './hash-files.ts';

/**
 * Remembers digests of files by what the file system says about them, so that unchanged files are not read again.
 *
 * An entry holds for a path as long as size, mtime, ctime and inode are the same. ctime cannot be set by a program, so
 * a restored mtime does not deceive it. A file that changed so shortly before it was hashed that a later write could
 * leave the same times is not remembered: git's "racy" rule (git's Documentation/technical/racy-git.txt), stricter,
 * since a whole margin is kept. A later write thus moves ctime by more than that margin, so that the precision of a
 * Stamp is ample.
 */
export interface StatCache {
  /** What is remembered of the file at `path` (absolute): its digest holds if it still has this stamp. */
  get(path: string): Entry | undefined;
  /**
   * Remembers a digest unless the file is too young; `stamp` is from after its last byte was read, `lookedAt` (ms since
   * the epoch) before its first.
   */
  set(path: string, stamp: Stamp, hex: string, lookedAt: number): void;
  /** Writes the file when something changed, without the entries of files that are gone. */
  save(): Promise<void>;
}

export interface Entry {
  stamp: Stamp;
  hex: string;
  /** Whether its file was there in this run. */
  seen: boolean;
}

/** Coarsest clock of a file system in use: FAT counts in steps of two seconds. */
const marginMs = 2500;
const magic = 'mlops-stat-cache 2';
const hexLength = 64;

export function openStatCache(file: string): StatCache {
  let loaded: Map<string, Entry> | undefined;
  let changed = false;

  const entries = () => {
    loaded ??= load(file);
    return loaded;
  };

  return {
    get(path) {
      const entry = entries().get(path);
      if (entry) entry.seen = true;
      return entry;
    },
    set(path, stamp, hex, lookedAt) {
      const trusted = Math.max(stamp.mtimeMs, stamp.ctimeMs) < lookedAt - marginMs;
      if (!trusted) {
        if (entries().delete(path)) changed = true;
        return;
      }
      entries().set(path, { stamp, hex, seen: true });
      changed = true;
    },
    async save() {
      if (!loaded) return;
      for (const [path, { seen }] of loaded) {
        if (seen || exists(path)) continue;
        loaded.delete(path);
        changed = true;
      }
      if (changed) await write(file, loaded);
      changed = false;
    },
  };
}

/**
 * The entries of the file; none when there is no file, or when it is damaged or of another version. Its lines: the
 * header, the paths in JSON, their stamps (packed, in base64), their digests. A row for each file would take several
 * times as long to read.
 */
function load(file: string): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return entries;
  }
  const headerEnd = text.indexOf('\n');
  const body = text.slice(headerEnd + 1);
  if (text.slice(0, headerEnd) !== header(body)) return entries;
  const [paths = '', stamps = '', hexes = ''] = body.split('\n');
  const packed = new Float64Array(new Uint8Array(Buffer.from(stamps, 'base64')).buffer);
  for (const [i, path] of (JSON.parse(paths) as string[]).entries()) {
    const hex = hexes.slice(i * hexLength, (i + 1) * hexLength);
    entries.set(path, { stamp: unpackStamp(packed, i), hex, seen: false });
  }
  return entries;
}

async function write(file: string, entries: Map<string, Entry>): Promise<void> {
  const values = [...entries.values()];
  const stamps = Buffer.from(packStamps(values.map(({ stamp }) => stamp)).buffer).toString('base64');
  const hexes = values.map(({ hex }) => hex).join('');
  const body = [JSON.stringify([...entries.keys()]), stamps, hexes, ''].join('\n');
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(temporary, `${header(body)}\n${body}`);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // Where it could not be made it cannot be removed either.
    // Windows refuses to replace a file that another process is reading; that process keeps a good one.
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (process.platform === 'win32' && ['EPERM', 'EACCES', 'EBUSY'].includes(code)) return;
    throw new UserError(`the stat cache '${file}' cannot be written: ${messageOf(error)}`, {
      cause: error,
      advice: 'Name a file in a folder that this job may write to.',
    });
  }
}

function exists(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false; // Out of reach now, so the entry is of no use.
  }
}

function header(body: string): string {
  return `${magic} ${hash('sha256', body)}`;
}
