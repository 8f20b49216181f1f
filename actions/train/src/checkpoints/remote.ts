import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Saved, Store } from '@mlops/core/store';
import { filesFolder, type Manifest, manifestFile, readManifest } from './manifest.ts';
import { shortHash } from './short-hash.ts';
import { linkOrCopy } from './vault.ts';

/** A checkpoint lies here, in the working directory, for the moment in which it is saved or fetched. */
const transfer = '.mlops/transfer';

/** The checkpoints of one training in the cache, for other machines and later runs. */
export class Remote {
  readonly #store: Store;
  readonly #root: string;
  readonly #prefix: string;

  constructor(store: Store, root: string, identity: string) {
    this.#store = store;
    this.#root = root;
    this.#prefix = `mlops-checkpoint-${shortHash(identity)}-`;
  }

  has(sequence: number): Promise<boolean> {
    return this.#store.has(this.#key(sequence), this.#root, [transfer]);
  }

  /** The number of the newest checkpoint in the store; 0 when there is none. */
  async newest(): Promise<number> {
    const key = await this.#store.newest(this.#prefix, this.#root, [transfer]);
    return key === undefined ? 0 : this.#sequenceOf(key);
  }

  /** Saves the sealed checkpoint in a folder, under the manifest's number. */
  async save(folder: string, manifest: Manifest): Promise<Saved> {
    const target = await this.#emptied();
    try {
      for (const { path, link } of manifest.files) {
        const to = join(target, filesFolder, path);
        await mkdir(dirname(to), { recursive: true });
        if (link === undefined) await linkOrCopy(join(folder, filesFolder, path), to);
        else await symlink(link, to);
      }
      await writeFile(join(target, manifestFile), JSON.stringify(manifest));
      return await this.#store.save(this.#key(manifest.sequence), this.#root, [transfer]);
    } finally {
      await rm(target, { recursive: true, force: true });
    }
  }

  /**
   * Fetches the newest checkpoint, or the one of this number, into `folder`. Undefined when there is none; without a
   * manifest when what was found is not whole.
   */
  async fetch(
    folder: string,
    sequence?: number,
  ): Promise<{ sequence: number; manifest: Manifest | undefined } | undefined> {
    const target = await this.#emptied();
    try {
      const key = sequence === undefined ? this.#prefix : this.#key(sequence);
      const prefixes = sequence === undefined ? [this.#prefix] : [];
      const restored = await this.#store.restore(key, this.#root, [transfer], { prefixes });
      if (!restored) return undefined;
      await rm(folder, { recursive: true, force: true });
      await mkdir(dirname(folder), { recursive: true });
      await rename(target, folder);
      return {
        sequence: this.#sequenceOf(restored.key),
        manifest: await readManifest(folder),
      };
    } finally {
      await rm(target, { recursive: true, force: true });
    }
  }

  #sequenceOf(key: string): number {
    return Number(key.slice(this.#prefix.length));
  }

  #key(sequence: number): string {
    return `${this.#prefix}${String(sequence).padStart(6, '0')}`;
  }

  async #emptied(): Promise<string> {
    const target = join(this.#root, transfer);
    await rm(target, { recursive: true, force: true });
    await mkdir(target, { recursive: true });
    return target;
  }
}
