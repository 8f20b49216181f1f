import type { Saved } from '@mlops/core/store';
import { size } from '../format.ts';
import type { Manifest } from './manifest.ts';
import type { Remote } from './remote.ts';
import type { Vault } from './vault.ts';

export interface SaverParts {
  vault: Vault;
  /** Without one nothing is saved. */
  remote: Remote | undefined;
  log: (line: string) => void;
  /** Is told of failures. */
  warn: (error: unknown) => void;
}

/** Saves the newest sealed checkpoint in the store, one save at a time. */
export class Saver {
  /** Number of checkpoints that were saved, and their bytes. */
  saves = 0;
  bytes = 0;
  /** The highest number that a checkpoint was to be saved under. */
  highest = 0;
  readonly #parts: SaverParts;
  #unsaved: Manifest | undefined;
  #saving: Promise<void> = Promise.resolve();
  readonly #toldReasons = new Set<string>();
  #reason = 'the cache did not take it';

  constructor(parts: SaverParts) {
    this.#parts = parts;
  }

  /** Makes this the one to save. */
  offer(manifest: Manifest): void {
    this.#unsaved = manifest;
  }

  get hasUnsaved(): boolean {
    return this.#parts.remote !== undefined && this.#unsaved !== undefined;
  }

  /** Why the newest one is on this machine only; undefined where it is saved, or nothing is to be. */
  get unsavedBecause(): string | undefined {
    return this.hasUnsaved ? this.#reason : undefined;
  }

  /** Saves the newest, after a save that is under way. What could not be saved is tried again with the next call. */
  async save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#saveNewest());
    await this.#saving;
  }

  /** Waits for a save that is under way. */
  async settled(): Promise<void> {
    await this.#saving;
  }

  async #saveNewest(): Promise<void> {
    const manifest = this.#unsaved;
    const { remote, log, warn } = this.#parts;
    if (!manifest || !remote) return;
    this.#unsaved = undefined;
    const result = await this.#attempt(remote, manifest).catch((error: unknown) => warn(error));
    if (result?.saved) {
      const { bytes } = result;
      log(`Saved checkpoint ${manifest.sequence} (${size(bytes)})`);
      this.saves += 1;
      this.bytes += bytes;
      return;
    }
    this.#unsaved ??= manifest;
    if (!result?.reason) return;
    this.#reason = result.reason;
    if (this.#toldReasons.has(result.reason)) return;
    this.#toldReasons.add(result.reason);
    log(`Checkpoint ${manifest.sequence} is not saved for other runs: ${result.reason}`);
  }

  async #attempt(remote: Remote, manifest: Manifest): Promise<Saved> {
    const folder = this.#parts.vault.pathOf(manifest.sequence);
    this.highest = Math.max(this.highest, manifest.sequence);
    const first = await remote.save(folder, manifest);
    if (!first.isTaken) return first;
    // By a job that trains the same, or by a save that was cut off: one more try, under a number that is free.
    this.highest = Math.max(this.highest, await remote.newest()) + 1;
    return remote.save(folder, { ...manifest, sequence: this.highest });
  }
}
