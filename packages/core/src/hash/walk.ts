import {
  type Dirent,
  lstatSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { messageOf, UserError } from '../errors.ts';
import type { Stamp } from './hash-files.ts';
import { turns } from './turns.ts';

/** A file of a tree: its bytes count. */
export interface FoundFile {
  kind: 'file';
  /** Relative to the tree's root, with `/`, in Unicode's NFC. */
  name: string;
  /** Where it is read. */
  path: string;
  /** Unknown until somebody looks. */
  stamp?: Stamp;
  /** The sha256 of its bytes, once known. */
  hex?: string;
}

/** A symbolic link that stays inside the tree: its text counts. */
export interface FoundLink {
  kind: 'link';
  name: string;
  target: string;
}

export type Found = FoundFile | FoundLink;

// So many small files are read in about 10 ms.
const portionLength = 1000;

interface Folder {
  /** Its real path: a link in it is relative to where it truly is. */
  path: string;
  name: string;
  /** Real paths of the tree's root and of the folders outside that were followed on the way here. */
  homes: readonly string[];
}

/**
 * Everything below `root` that counts, in no certain order and in portions, so that it can be hashed meanwhile; with
 * `paths` (relative to root) only what is at or below these. What is in a folder under an `ignored` name does not count.
 */
export async function* walk(
  root: string,
  paths: readonly string[],
  signal?: AbortSignal,
  ignored?: ReadonlySet<string>,
): AsyncGenerator<Found[]> {
  const home = realPath(root, root);
  const starts = outermost(paths.map((path) => resolve(home, path)));
  let found: Found[] = [];
  const folders: Folder[] = [];

  const visit = (path: string, name: string, homes: readonly string[]) => {
    const stat = lookAt(path, name);
    if (stat.isFile()) found.push({ kind: 'file', name: canonical(name), path, stamp: stat });
    else if (stat.isDirectory()) folders.push({ path, name, homes });
    else if (stat.isSymbolicLink()) visitLink(path, name, homes);
    else throw special(stat, name);
  };

  const visitLink = (path: string, name: string, homes: readonly string[]) => {
    const target = readlinkSync(path);
    const absolute = resolve(dirname(path), target);
    const inside = [...starts, ...homes.slice(1)].some((start) => isWithin(absolute, start));
    if (!isAbsolute(target) && inside) {
      found.push({ kind: 'link', name: canonical(name), target: canonical(toPosix(target)) });
      return;
    }
    const real = realPath(path, name, target);
    const stat = statSync(real);
    if (stat.isDirectory() && homes.some((above) => isWithin(above, real))) {
      throw new UserError(`the symbolic link '${name}' leads to '${target}', a folder that contains it`, {
        advice: 'Remove the link, or let it point to something that does not contain it.',
      });
    }
    if (stat.isFile()) found.push({ kind: 'file', name: canonical(name), path: real, stamp: stat });
    else if (stat.isDirectory()) folders.push({ path: real, name, homes: [...homes, real] });
    else throw special(stat, name);
  };

  const turn = turns(signal);
  for (const start of starts) {
    visit(start, toPosix(relative(home, start)), [home]);
    for (let folder = folders.pop(); folder; folder = folders.pop()) {
      const { path, name, homes } = folder;
      // Joined by hand: join() takes longer than looking at the file.
      const prefix = path.endsWith(sep) ? path : path + sep;
      const namePrefix = name && `${name}/`;
      for (const entry of readFolder(path, name)) {
        if (ignored?.has(entry.name)) continue;
        const childName = namePrefix + entry.name;
        if (entry.isFile())
          found.push({ kind: 'file', name: canonical(childName), path: prefix + entry.name });
        else visit(prefix + entry.name, childName, homes);
        if (found.length < portionLength) continue;
        yield found;
        found = [];
      }
      await turn();
    }
  }
  yield found;
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

export function toPosix(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}

const astral = /[\ud800-\uffff]/;

/** Orders names as their UTF-8 bytes do, which is the same everywhere (JavaScript's own order is by UTF-16). */
export function compareNames(a: string, b: string): number {
  if (astral.test(a) || astral.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The error for a file that could be found and then not be read. */
export function unreadable(
  name: string,
  code: string | undefined,
  message: string,
  cause?: unknown,
): UserError {
  if (name.includes('\ufffd')) {
    return new UserError(`the name of '${name}' is not valid UTF-8`, {
      cause,
      advice: 'Rename it; other systems could not name it at all.',
    });
  }
  if (code === 'ENOENT')
    return new UserError(`'${name}' does not exist, or vanished while it was read`, { cause });
  if (code === 'EACCES' || code === 'EPERM') {
    return new UserError(`'${name}' cannot be read: permission denied`, {
      cause,
      advice: 'Give the user that runs the job the right to read it.',
    });
  }
  return new UserError(`'${name}' cannot be read: ${message}`, { cause });
}

/** Size and mtime after the last byte must be those from before the first. */
export function changedMeanwhile(name: string): UserError {
  return new UserError(`'${name}' changed while it was being hashed`, {
    advice: 'Something else is writing to it: wait for that to end first.',
  });
}

function lookAt(path: string, name: string): Stats {
  try {
    return lstatSync(path);
  } catch (error) {
    throw unreadable(name, (error as NodeJS.ErrnoException).code, messageOf(error), error);
  }
}

function readFolder(path: string, name: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    throw unreadable(name || path, (error as NodeJS.ErrnoException).code, messageOf(error), error);
  }
}

function realPath(path: string, name: string, target?: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (target === undefined) throw unreadable(name, code, messageOf(error), error);
    throw new UserError(`the symbolic link '${name}' leads to '${target}', which does not exist`, {
      cause: error,
      advice: 'Remove the link, or make what it points to available.',
    });
  }
}

function special(stat: Stats, name: string): UserError {
  const kind = stat.isFIFO() ? 'a named pipe' : stat.isSocket() ? 'a socket' : 'a device';
  return new UserError(`'${name}' is ${kind}, which has no content to hash`, {
    advice: 'Name files and folders of files only.',
  });
}

/** Without the paths that are at or below another one of them. */
function outermost(paths: readonly string[]): string[] {
  const unique = [...new Set(paths)];
  return unique.filter((path) => !unique.some((other) => other !== path && isWithin(path, other)));
}

/** macOS may hand out names in NFD where Linux and Windows keep NFC; the same name must count the same. */
function canonical(name: string): string {
  return name.normalize('NFC');
}
