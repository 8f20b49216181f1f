import { constants, existsSync } from 'node:fs';
import { chmod, copyFile, link, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Store } from '@mlops/core/store';
import { type Content, fileMd5, type Listed } from './content.ts';

/**
 * DVC's cache on this machine, and the copies of its content that outlive the machine: an entry in the store for each
 * output, named for its content.
 */
export class DvcCache {
  /** The folder with `files/md5` and `runs`. */
  readonly folder: string;
  readonly #store: Store | undefined;
  /** In the workspace, always under the same name: an entry of GitHub's cache is found only at the path it was saved at. */
  readonly #staging: string;

  /** `temporary` is a folder of the project that Git ignores. */
  constructor(folder: string, temporary: string, store: Store | undefined) {
    this.folder = folder;
    this.#store = store;
    this.#staging = join(temporary, 'mlops-content');
  }

  /** The files that an output consists of, by their path below it; undefined when the cache lacks any. */
  async files({ md5 }: Content): Promise<Listed[] | undefined> {
    if (!existsSync(this.#path(md5))) return undefined;
    if (!md5.endsWith('.dir')) return [{ md5, relpath: '' }];
    const files = JSON.parse(await readFile(this.#path(md5), 'utf8')) as Listed[];
    return files.every((file) => existsSync(this.#path(file.md5))) ? files : undefined;
  }

  /** Brings an output's content from the store into the cache; false when it is not there, or damaged. */
  async fetch(content: Content): Promise<boolean> {
    if (await this.files(content)) return true;
    const staging = this.#staging;
    try {
      await mkdir(staging, { recursive: true });
      if (!(await this.#store?.restore(keyOf(content), staging, ['objects']))) return false;
      for (const name of await readdir(join(staging, 'objects')))
        await this.#accept(join(staging, 'objects', name), name);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
    return (await this.files(content)) !== undefined;
  }

  /** Copies an output's content from the cache into the store; returns why it was not, when it was not. */
  async save(content: Content): Promise<string | undefined> {
    const store = this.#store;
    const files = store && (await this.files(content));
    if (!files) return store && 'DVC does not keep it in its cache';
    const staging = this.#staging;
    const objects = join(staging, 'objects');
    try {
      await mkdir(objects, { recursive: true });
      if (await store.has(keyOf(content), staging, ['objects'])) return undefined;
      for (const md5 of new Set([content.md5, ...files.map((file) => file.md5)]))
        await linkOrCopy(this.#path(md5), join(objects, md5));
      const { saved, reason } = await store.save(keyOf(content), staging, ['objects']);
      return saved ? undefined : reason;
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  }

  /** Lays an output that the cache has where it belongs, as files of its own that may be changed. */
  async checkOut(content: Content, path: string): Promise<void> {
    const files = (await this.files(content)) ?? [];
    await rm(path, { recursive: true, force: true });
    if (content.md5.endsWith('.dir')) await mkdir(path, { recursive: true });
    for (const { md5, relpath } of files) {
      const target = join(path, relpath);
      await mkdir(dirname(target), { recursive: true });
      await copyFile(this.#path(md5), target, constants.COPYFILE_FICLONE);
      await chmod(target, 0o644);
    }
  }

  /** Puts a file into the cache that DVC leaves to Git, so that it can be saved. */
  async add(content: Content, path: string): Promise<void> {
    if (content.md5.endsWith('.dir') || existsSync(this.#path(content.md5))) return;
    const copy = join(this.#staging, content.md5);
    await mkdir(this.#staging, { recursive: true });
    try {
      await copyFile(path, copy, constants.COPYFILE_FICLONE);
      await this.#accept(copy, content.md5);
    } finally {
      await rm(this.#staging, { recursive: true, force: true });
    }
  }

  /** Moves a file under its name, unless its content is another. As DVC does, nobody may write to it. */
  async #accept(file: string, md5: string): Promise<void> {
    const { size } = await stat(file);
    if ((await fileMd5(file, size)) !== md5.replace(/\.dir$/, '')) return;
    const target = this.#path(md5);
    if (existsSync(target)) return;
    await mkdir(dirname(target), { recursive: true });
    await chmod(file, 0o444);
    await moveInto(file, target);
  }

  #path(md5: string): string {
    return join(this.folder, 'files', 'md5', md5.slice(0, 2), md5.slice(2));
  }
}

function keyOf({ md5 }: Content): string {
  return `mlops-dvc-${md5}`;
}

/** Appears as a whole or not at all, also from another file system. */
async function moveInto(file: string, target: string): Promise<void> {
  await rename(file, target).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EXDEV') throw error;
    await copyFile(file, `${target}.part`);
    await rename(`${target}.part`, target);
  });
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to, constants.COPYFILE_FICLONE));
}
