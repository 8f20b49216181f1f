import {
  chmodSync,
  closeSync,
  createReadStream,
  fchmodSync,
  fchownSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { folderInRoot, pathInRoot } from './in-root.ts';
import { plainPath, type Whiteout, whiteoutOf } from './whiteout.ts';

const isRoot = process.getuid?.() === 0;

/**
 * Unpacks the layers of an image on top of each other into the folder `root`: what a layer deletes is gone, owners and
 * modes are those of the image where this process is root. Devices and extended attributes are left out.
 */
export async function unpackLayers(
  layers: readonly string[],
  root: string,
  signal: AbortSignal,
): Promise<void> {
  for (const layer of layers) {
    const tree = new Tree(root);
    const archive = extract();
    const source = [createReadStream(layer), ...(await decompressors(layer)), archive];
    await Promise.all([pipeline(source, { signal }), tree.add(archive)]);
  }
}

async function decompressors(layer: string): Promise<NodeJS.ReadWriteStream[]> {
  const file = await open(layer);
  try {
    const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    const magic = buffer.toString('hex');
    if (magic.startsWith('1f8b')) return [createGunzip()];
    return magic === '28b52ffd' ? [createZstdDecompress()] : [];
  } finally {
    await file.close();
  }
}

/** The file system of an image while one layer is added to it. Images have many small files: nothing waits per file. */
class Tree {
  readonly #root: string;
  /** A layer deletes what is below it, never what it brings itself, in whichever order. */
  readonly #own = new Set<string>();
  /** Where folders really are, as long as no link changes. */
  readonly #folders = new Map<string, string>();

  constructor(root: string) {
    this.#root = root;
  }

  async add(archive: ReturnType<typeof extract>): Promise<void> {
    for await (const entry of archive) {
      const { header } = entry;
      const whiteout = whiteoutOf(header.name);
      if (whiteout) this.#delete(whiteout);
      else if (header.type === 'file' || header.type === 'contiguous-file') await this.#write(header, entry);
      else this.#place(header);
      entry.resume();
    }
  }

  #delete({ path, kind }: Whiteout): void {
    const place = pathInRoot(this.#root, path);
    if (kind === 'entry') {
      if (!this.#own.has(path)) this.#remove(place);
      return;
    }
    const isFolder = lstatSync(place, { throwIfNoEntry: false })?.isDirectory();
    for (const name of isFolder ? readdirSync(place) : []) {
      const below = path ? `${path}/${name}` : name;
      if (this.#own.has(below)) this.#delete({ path: below, kind });
      else this.#remove(join(place, name));
    }
  }

  async #write(header: Header, content: AsyncIterable<unknown>): Promise<void> {
    const target = this.#claim(header.name);
    const file = this.#instead(target, () => openSync(target, 'wx'));
    try {
      for await (const chunk of content) writeAll(file, chunk as Buffer);
      if (isRoot) fchownSync(file, header.uid, header.gid);
      // After the owner, since a change of that takes the bits away that let a program run as its owner.
      fchmodSync(file, header.mode & 0o7777);
    } finally {
      closeSync(file);
    }
  }

  #place(header: Header): void {
    const { type, linkname, uid, gid, mode } = header;
    if (!['directory', 'symlink', 'link'].includes(type)) return;
    const target = this.#claim(header.name);
    if (type === 'directory') {
      const before = lstatSync(target, { throwIfNoEntry: false });
      if (!before?.isDirectory()) this.#instead(target, () => mkdirSync(target));
    } else if (type === 'symlink') {
      this.#instead(target, () => symlinkSync(linkname, target));
      this.#folders.clear();
    } else {
      // Owner and mode are those of the file.
      this.#instead(target, () => linkSync(pathInRoot(this.#root, linkname), target));
      return;
    }
    if (isRoot) lchownSync(target, uid, gid);
    if (type === 'directory') chmodSync(target, mode & 0o7777);
  }

  /** Where an entry comes, which is the layer's own from now on, with the folders that lead there. */
  #claim(name: string): string {
    const path = plainPath(name);
    if (path === '') return this.#root;
    for (let part = path; part !== '.' && !this.#own.has(part); part = dirname(part)) this.#own.add(part);
    const parent = dirname(path);
    const folder = this.#folders.get(parent) ?? folderInRoot(this.#root, parent, true);
    this.#folders.set(parent, folder);
    return join(folder, basename(path));
  }

  /** Makes something where a layer below may have put something else. */
  #instead<T>(target: string, make: () => T): T {
    try {
      return make();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      this.#remove(target);
      return make();
    }
  }

  #remove(place: string): void {
    rmSync(place, { recursive: true, force: true });
    this.#folders.clear();
  }
}

function writeAll(file: number, chunk: Buffer): void {
  for (let written = 0; written < chunk.length; ) written += writeSync(file, chunk, written);
}
