import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { type Cache, toolKey } from './cache.ts';

/** A tool that was downloaded in this job and shall be saved at its end. */
export interface ToolEntry {
  tool: string;
  key: string;
  folder: string;
}

/** Tools that had to be downloaded, each in an entry of its own: uv, and the interpreters that uv installs. */
export class ToolCache {
  readonly #cache: Cache | undefined;
  readonly #suffix: string | undefined;
  /** What no entry held, for the post step. */
  readonly missing: ToolEntry[] = [];
  restoredBytes = 0;

  constructor(cache: Cache | undefined, suffix: string | undefined) {
    this.#cache = cache;
    this.#suffix = suffix;
  }

  /**
   * Restores a tool's folder, and tells whether there was an entry; otherwise the folder is saved at the end of the job.
   * A folder that holds something already outlives jobs, and needs no cache.
   */
  async restore(tool: string, folder: string): Promise<boolean> {
    if (!this.#cache || (await readdir(folder).catch(() => [])).some((name) => !name.startsWith('.')))
      return false;
    const key = toolKey(tool, folder, this.#suffix);
    const found = await this.#cache.store.restore(key, dirname(folder), [basename(folder)]);
    if (!found) {
      if (this.#cache.saves) this.missing.push({ tool, key, folder });
      return false;
    }
    process.stdout.write(`Restored ${found.bytes} bytes from ${found.key}.\n`);
    this.restoredBytes += found.bytes;
    return true;
  }
}

/** Saves the tools that this job downloaded. */
export async function saveTools(
  { store }: Pick<Cache, 'store'>,
  entries: readonly ToolEntry[],
): Promise<void> {
  for (const { tool, key, folder } of entries) {
    if (!existsSync(folder)) continue;
    const { saved, bytes, reason } = await store.save(key, dirname(folder), [basename(folder)]);
    process.stdout.write(
      saved ? `Saved ${bytes} bytes of ${tool} as ${key}.\n` : `${tool} is not saved: ${reason}.\n`,
    );
  }
}
