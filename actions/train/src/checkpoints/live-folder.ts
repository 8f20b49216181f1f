import { readFileSync } from 'node:fs';
import { lstat, mkdir, readdir, readlink, realpath, rm } from 'node:fs/promises';
import { isAbsolute, join, relative, sep } from 'node:path';

/** A file or link in the folder that a command writes its checkpoints into. */
export interface LiveFile {
  /** Relative to the folder, with `/`. */
  path: string;
  bytes: number;
  mtimeMs: number;
  /** Differs as soon as the file was written to or replaced. */
  stamp: string;
  /** A symbolic link's text, when it stays inside the folder. */
  link?: string;
}

/**
 * What is still being written is commonly called like this, and renamed when it is whole: `state.pt.tmp`,
 * `tmp-checkpoint-10` (Hugging Face), `7.orbax-checkpoint-tmp-1700000000`, `ckpt-1_temp` and `….tempstate1` (TensorFlow).
 * A leading dot alone does not say so: PyTorch's distributed checkpoints have a `.metadata`, Zarr has a `.zarray`.
 */
const temporary =
  /~$|\.(?:part|partial|incomplete|swp|tempstate\d*)$|^tmp[-._]|[-._](?:tmp(?:[-._]?\d+)?|temp)$|\.(?:tmp|temp)[-._]|^\.(?:DS_Store|nfs\w+)$/i;

/** The files of a folder, those with temporary names left out; none when the folder is not there. */
export async function scan(folder: string): Promise<LiveFile[]> {
  const files: LiveFile[] = [];
  const visit = async (path: string): Promise<void> => {
    // What vanishes while it is looked at is not there.
    const names = await readdir(path).catch(() => []);
    for (const name of names.sort()) {
      if (temporary.test(name) || (path === folder && isPlaceholder(name))) continue;
      const full = join(path, name);
      const stat = await lstat(full, { bigint: true }).catch(() => undefined);
      if (stat?.isDirectory()) await visit(full);
      else if (stat?.isFile() || stat?.isSymbolicLink()) {
        const link = stat.isSymbolicLink() ? await insideLink(folder, full) : undefined;
        if (stat.isSymbolicLink() && link === undefined) continue;
        files.push({
          path: relative(folder, full).split(sep).join('/'),
          bytes: link === undefined ? Number(stat.size) : 0,
          mtimeMs: Number(stat.mtimeMs),
          stamp: `${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.ino}`,
          ...(link === undefined ? {} : { link }),
        });
      }
    }
  };
  await visit(folder);
  return files;
}

/** Links such as `last -> epoch-3.pt` are kept; one that leads elsewhere means nothing on another machine. */
async function insideLink(folder: string, path: string): Promise<string | undefined> {
  const target = await readlink(path).catch(() => undefined);
  if (target === undefined || isAbsolute(target)) return undefined;
  const inside = relative(folder, join(path, '..', target));
  return inside === '..' || inside.startsWith(`..${sep}`) ? undefined : target.split(sep).join('/');
}

/** Files that keep an otherwise empty folder in a repository. */
export function isPlaceholder(name: string): boolean {
  return name === '.gitignore' || name === '.gitkeep';
}

/** Makes the folder, or takes everything out of it that is no placeholder. */
export async function empty(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const name of await readdir(folder))
    if (!isPlaceholder(name)) await rm(join(folder, name), { recursive: true, force: true });
}

/** One text for all of a folder's state: the same as long as nothing in it has changed. */
export function fingerprint(files: readonly LiveFile[]): string {
  return files.map(({ path, stamp }) => `${path} ${stamp}`).join('\n');
}

/**
 * Whether any process has a file of the folder open for writing. Only Linux tells, by /proc; elsewhere, and for other
 * users' processes, the answer is no.
 */
export async function isBeingWritten(folder: string): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const inside = (await realpath(folder)) + sep;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
      if (target.startsWith(inside) && isOpenForWriting(pid, fd)) return true;
    }
  }
  return false;
}

/** The last two bits of the flags are 0 for read-only (open(2)); /proc shows them in octal. */
function isOpenForWriting(pid: string, fd: string): boolean {
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & 3) !== 0;
  } catch {
    return false;
  }
}
