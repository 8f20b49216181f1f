import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Unsure } from './unsure.ts';

/** Content as DVC 3 names it: the md5 of a file's bytes, or that of a folder's list, with `.dir` behind it. */
export interface Content {
  md5: string;
  bytes: number;
}

/** One file of a folder, as the object of the folder lists it. */
export interface Listed {
  md5: string;
  relpath: string;
}

/** Larger files are read piece by piece. */
const large = 4 * 1024 * 1024;

/**
 * What is at a path; undefined when nothing is. Throws Unsure for what DVC might see otherwise: links, and folders with
 * repositories or files of ignored names in them.
 */
export async function contentOf(path: string): Promise<Content | undefined> {
  const found = await lstat(path).catch(absent);
  if (!found) return undefined;
  if (found.isSymbolicLink()) throw new Unsure(`${path} is a link`);
  if (found.isFile()) return { md5: await fileMd5(path, found.size), bytes: found.size };
  if (!found.isDirectory()) throw new Unsure(`${path} is neither a file nor a folder`);
  const files: Listed[] = [];
  let bytes = 0;
  for (const { relpath, size } of await filesIn(path, '')) {
    files.push({ md5: await fileMd5(join(path, relpath), size), relpath });
    bytes += size;
  }
  return { md5: folderMd5(files), bytes };
}

/** The name of a folder with these files, in any order. */
export function folderMd5(files: readonly Listed[]): string {
  const sorted = files.toSorted((a, b) => Buffer.compare(Buffer.from(a.relpath), Buffer.from(b.relpath)));
  const items = sorted.map(({ md5, relpath }) => `{"md5": "${md5}", "relpath": ${pythonText(relpath)}}`);
  return `${hash('md5', `[${items.join(', ')}]`)}.dir`;
}

/** A text as Python's json writes it. */
function pythonText(text: string): string {
  return JSON.stringify(text).replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const notSeen = new Set(['.git', '.hg', '.dvc', '.dvcignore']);

async function filesIn(root: string, folder: string): Promise<{ relpath: string; size: number }[]> {
  const files: { relpath: string; size: number }[] = [];
  for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
    const relpath = folder ? `${folder}/${entry.name}` : entry.name;
    if (notSeen.has(entry.name)) throw new Unsure(`${root} holds ${relpath}`);
    if (entry.isDirectory()) files.push(...(await filesIn(root, relpath)));
    else if (entry.isFile()) files.push({ relpath, size: (await stat(join(root, relpath))).size });
    else throw new Unsure(`${root} holds a link: ${relpath}`);
  }
  return files;
}

export async function fileMd5(path: string, size: number): Promise<string> {
  if (size < large) return hash('md5', await readFile(path));
  const digest = createHash('md5');
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), digest);
  return digest.digest('hex');
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
