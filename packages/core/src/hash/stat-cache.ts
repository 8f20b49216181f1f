import { hash, randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstatSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf, UserError } from '../errors.ts';

/**
 * Remembers digests of files by what the file system says about them, so that unchanged files are not read again.
 *
 * An entry holds for a path as long as size, mtime, ctime (both in nanoseconds) and inode are the same. ctime cannot
 * be set by a program, so a restored mtime does not deceive it. A file that changed so shortly before it was hashed
 * that a later write could leave the same times is not remembered: git's "racy" rule
 * (git's Documentation/technical/racy-git.txt), stricter, since a whole margin is kept.
 */
export interface StatCache {
  /** The digest in hex, when the file at `path` (absolute) still has this stamp. */
  get(path: string, stamp: string): string | undefined;
  /** Remembers a digest unless the file is too young; `lookedAt` (ms since the epoch) is before its first byte was read. */
  set(path: string, stat: BigIntStats, hex: string, lookedAt: number): void;
  /** Writes the file when something changed, without the entries of files that are gone. */
  save(): Promise<void>;
}

/** Coarsest clock of a file system in use: FAT counts in steps of two seconds. */
const marginMs = 2500;
const magic = 'mlops-stat-cache 1';

export function stampOf(stat: BigIntStats): string {
  return `${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.ino}`;
}

export function openStatCache(file: string): StatCache {
  // path → `stamp hex`
  let loaded: Map<string, string> | undefined;
  const seen = new Set<string>();
  let changed = false;

  const entries = () => {
    loaded ??= load(file);
    return loaded;
  };

  return {
    get(path, stamp) {
      const entry = entries().get(path);
      if (!entry?.startsWith(`${stamp} `)) return undefined;
      seen.add(path);
      return entry.slice(stamp.length + 1);
    },
    set(path, stat, hex, lookedAt) {
      const youngest = Math.max(Number(stat.mtimeNs), Number(stat.ctimeNs)) / 1e6;
      const trusted = youngest < lookedAt - marginMs && !path.includes('\n');
      if (!trusted) {
        if (entries().delete(path)) changed = true;
        return;
      }
      entries().set(path, `${stampOf(stat)} ${hex}`);
      seen.add(path);
      changed = true;
    },
    async save() {
      if (!loaded) return;
      for (const path of loaded.keys()) {
        if (seen.has(path) || exists(path)) continue;
        loaded.delete(path);
        changed = true;
      }
      if (changed) await write(file, loaded);
      changed = false;
    },
  };
}

/** The entries of the file; none when there is no file, or when it is damaged or of another version. */
function load(file: string): Map<string, string> {
  const entries = new Map<string, string>();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return entries;
  }
  const headerEnd = text.indexOf('\n');
  const body = text.slice(headerEnd + 1);
  if (text.slice(0, headerEnd) !== header(body)) return entries;
  let start = 0;
  while (start < body.length) {
    const end = body.indexOf('\n', start);
    const split = body.indexOf('\t', start);
    entries.set(body.slice(split + 1, end), body.slice(start, split));
    start = end + 1;
  }
  return entries;
}

async function write(file: string, entries: Map<string, string>): Promise<void> {
  let body = '';
  for (const [path, entry] of entries) body += `${entry}\t${path}\n`;
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
