import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, debug, messageOf, UserError } from '@mlops/core';
import { type Hasher, openHasher } from '@mlops/core/hash';
import type { Store } from '@mlops/core/store';
import { duration, size } from '../format.ts';
import { empty, fingerprint, isBeingWritten, type LiveFile, scan } from './live-folder.ts';
import { bytesOf, type Manifest, type Spent } from './manifest.ts';
import { highestNumber, newestWhole } from './newest.ts';
import { type Leader, leaderOf, type Owner, readOwner, refuseForeignFiles, writeOwner } from './owner.ts';
import { Remote } from './remote.ts';
import { shortHash } from './short-hash.ts';
import { areWhole, trustworthy } from './trust.ts';
import { type Sealed, Vault } from './vault.ts';

export interface CheckpointOptions {
  /** The working directory. */
  folder: string;
  /** Where the command writes its checkpoints, relative to the working directory. */
  dir: string;
  /** Without one, checkpoints stay on this machine. */
  store: Store | undefined;
  /** Time between two saves to the store. */
  intervalMs: number;
  /** What this attempt has used up so far. */
  spent: () => Spent;
  log: (line: string) => void;
  /** How often the folder is looked at in milliseconds (default 1000). */
  lookMs?: number;
}

/** How a command ended: by itself, or killed, so that it may have been writing. */
export type Ended = 'finished' | 'stopped' | 'killed';

/** How often sealing may take of the time of a training. */
const sealShare = 0.05;
/** A folder that never rests is sealed after this long all the same, in a moment in which no file is open. */
const restlessMs = 30_000;
/** Leftovers of other trainings on a machine that outlives jobs are removed after this long. */
const forgottenMs = 14 * 24 * 3_600_000;

/**
 * The checkpoints of one command: puts the newest whole one back before it starts, seals a copy whenever the command has
 * written one, saves that in the store on an interval, and once more at the end. Whatever goes wrong in here is a
 * warning: a training is not ended because its checkpoint could not be kept.
 */
export class Checkpoints {
  /** The checkpoint that the command was given; undefined when it starts anew. */
  resumedFrom: Manifest | undefined;
  /** Number of checkpoints that were saved in the store, and their bytes. */
  saves = 0;
  savedBytes = 0;
  readonly #options: CheckpointOptions;
  readonly #live: string;
  readonly #hasher: Hasher;
  readonly #vault: Vault;
  readonly #remote: Remote | undefined;
  #sealed: Sealed | undefined;
  /** Fingerprint of what was sealed last, and of what was seen last. */
  #sealedState = '';
  #seen = { state: '', since: 0 };
  #lastSeal = { at: 0, tookMs: 0 };
  #nextSequence = 1;
  #unsaved: Manifest | undefined;
  #lastSave = 0;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #saving: Promise<void> = Promise.resolve();

  private constructor(options: CheckpointOptions, identity: string, hasher: Hasher) {
    this.#options = options;
    this.#live = join(options.folder, options.dir);
    this.#hasher = hasher;
    this.#vault = new Vault(vaultFolder(options.folder, identity), identity, hasher);
    this.#remote = options.store && new Remote(options.store, options.folder, identity);
  }

  /**
   * Gets the folder ready for a command. `identity` is a digest of everything that makes an earlier checkpoint of it
   * usable; with `fresh`, none is used.
   */
  static async open(
    options: CheckpointOptions,
    identity: string,
    { fresh = false } = {},
  ): Promise<Checkpoints> {
    const { folder, dir } = options;
    await mkdir(join(folder, '.mlops'), { recursive: true });
    await writeFile(join(folder, '.mlops', '.gitignore'), '*\n');
    const owner = await readOwner(folder, dir);
    await refuseForeignFiles(join(folder, dir), dir, owner);
    await forgetOthers(folder, identity);
    const checkpoints = new Checkpoints(options, identity, await openHasher());
    await checkpoints.#putBack(fresh, owner);
    await writeOwner(folder, { dir, identity, state: 'running', leader: null });
    return checkpoints;
  }

  /** What is left of a run whose process was killed; undefined when there is nothing to take care of. */
  static async reopen(
    options: CheckpointOptions,
  ): Promise<{ checkpoints: Checkpoints; leader: Leader | null } | undefined> {
    const owner = await readOwner(options.folder, options.dir);
    if (owner?.state !== 'running') return undefined;
    const checkpoints = new Checkpoints(options, owner.identity, await openHasher());
    const [newest] = await checkpoints.#vault.list();
    checkpoints.#nextSequence = (newest?.sequence ?? 0) + 1;
    if (newest) {
      checkpoints.resumedFrom = newest; // What was used up until then counts.
      checkpoints.#sealed = await checkpoints.#stampsOf(newest);
      const isSaved = await checkpoints.#remote?.has(newest.sequence);
      if (!isSaved) checkpoints.#unsaved = newest;
    }
    return { checkpoints, leader: owner.leader };
  }

  /** What the command is told. */
  get env(): Record<string, string | undefined> {
    return {
      MLOPS_CHECKPOINT_DIR: this.#live,
      MLOPS_RESUME_FROM: this.resumedFrom ? this.#live : undefined,
    };
  }

  /** The newest checkpoint that the training can go on from. */
  get newest(): Manifest | undefined {
    return this.#sealed?.manifest ?? this.resumedFrom;
  }

  /** Watches the folder from now on; `pid` leads the command's process group. */
  watch(pid: number): void {
    const { folder, dir, lookMs = 1000 } = this.#options;
    const owner: Owner = { dir, identity: this.#vault.identity, state: 'running', leader: leaderOf(pid) };
    this.#looking = writeOwner(folder, owner).catch((error: unknown) => this.#warn('watched', error));
    this.#lastSave = Date.now();
    this.#lastSeal.at = Date.now();
    let isBusy = false;
    this.#timer = setInterval(() => {
      if (isBusy) return;
      isBusy = true;
      this.#looking = this.#look()
        .catch((error: unknown) => this.#warn('sealed', error))
        .finally(() => {
          isBusy = false;
        });
    }, lookMs);
  }

  /**
   * Ends the watch, seals what the command has left, and saves it in the store unless there is no time (`save: false`).
   * After a finished training nothing is left to resume from.
   */
  async end(ended: Ended, { save = true } = {}): Promise<void> {
    const endedAt = Date.now();
    clearInterval(this.#timer);
    await this.#looking;
    const { folder, dir } = this.#options;
    try {
      if (ended === 'finished') await this.#forget();
      else {
        await this.#sealLast(ended, endedAt).catch((error: unknown) => this.#warn('sealed', error));
        if (save) await this.#save();
      }
      const state = ended === 'finished' || save ? 'ended' : 'running';
      await writeOwner(folder, { dir, identity: this.#vault.identity, state, leader: null });
    } finally {
      await this.#hasher.close();
    }
  }

  async #putBack(fresh: boolean, owner: Owner | undefined): Promise<void> {
    if (fresh) {
      await this.#vault.clear();
      this.#nextSequence = (await highestNumber(this.#vault, this.#remote)) + 1;
      return empty(this.#live);
    }
    if (owner?.state === 'running' && owner.identity === this.#vault.identity) await this.#sealLeftovers();
    const { manifest, highest } = await newestWhole(this.#vault, this.#remote, this.#hasher);
    this.#nextSequence = highest + 1;
    if (!manifest) return empty(this.#live);
    await this.#vault.unpack(manifest, this.#live).catch((error: unknown) => {
      throw new UserError(`checkpoint ${manifest.sequence} could not be put back: ${messageOf(error)}`, {
        cause: error,
        advice: `It needs ${size(bytesOf(manifest))} in '${this.#options.dir}'. Free the disk, or start anew with the input 'force'.`,
      });
    });
    this.resumedFrom = manifest;
    this.#sealed = await this.#stampsOf(manifest);
    this.#sealedState = fingerprint(await scan(this.#live));
    this.#options.log(
      `Resuming from checkpoint ${manifest.sequence} of ${manifest.sealedAt.slice(0, 19).replace('T', ' ')} UTC (${size(bytesOf(manifest))}, after ${duration(manifest.spent.seconds * 1000)} of training)`,
    );
  }

  /** A run that was killed as a whole sealed nothing at its end: its last files may be newer than its last checkpoint. */
  async #sealLeftovers(): Promise<void> {
    const [newest] = await this.#vault.list();
    this.#sealed = newest && (await this.#stampsOf(newest));
    this.#nextSequence = (newest?.sequence ?? 0) + 1;
    const kept = await trustworthy(
      this.#live,
      await scan(this.#live),
      this.#sealed?.stamps ?? new Map(),
      undefined,
    );
    if (kept?.length) await this.#seal(kept).catch((error: unknown) => this.#warn('sealed', error));
  }

  async #look(): Promise<void> {
    const now = Date.now();
    const files = await scan(this.#live);
    const state = fingerprint(files);
    if (state !== this.#seen.state) this.#seen = { state, since: now };
    if (files.length && state !== this.#sealedState && this.#isTime(now) && (await this.#isAtRest(files)))
      await this.#seal(files);
    if (this.#unsaved && now - this.#lastSave >= this.#options.intervalMs) {
      this.#lastSave = now;
      void this.#save();
    }
  }

  #isTime(now: number): boolean {
    const { lookMs = 1000 } = this.#options;
    const sinceSeal = now - this.#lastSeal.at;
    if (sinceSeal * sealShare < this.#lastSeal.tookMs) return false;
    return now - this.#seen.since >= lookMs || sinceSeal >= restlessMs;
  }

  async #isAtRest(files: readonly LiveFile[]): Promise<boolean> {
    return !(await isBeingWritten(this.#live)) && (await areWhole(this.#live, files));
  }

  async #sealLast(ended: Ended, endedAt: number): Promise<void> {
    const files = await scan(this.#live);
    if (!files.length || fingerprint(files) === this.#sealedState) return;
    if (ended === 'stopped' && (await areWhole(this.#live, files))) return this.#seal(files);
    const kept = await trustworthy(this.#live, files, this.#sealed?.stamps ?? new Map(), endedAt);
    if (kept) return this.#seal(kept);
    const newest = this.newest;
    this.#options.log(
      `What lies in ${this.#options.dir} was being written when the command ended, and is not used${newest ? `; checkpoint ${newest.sequence} is` : ''}`,
    );
  }

  async #seal(files: readonly LiveFile[]): Promise<void> {
    const started = Date.now();
    const spent = added(this.resumedFrom?.spent, this.#options.spent());
    const sealed = await this.#vault.seal(this.#live, files, {
      ...{ sequence: this.#nextSequence, spent, before: this.#sealed },
    });
    this.#lastSeal = { at: Date.now(), tookMs: Date.now() - started };
    if (!sealed) return;
    this.#sealed = sealed;
    this.#sealedState = fingerprint(files);
    this.#unsaved = sealed.manifest;
    this.#nextSequence += 1;
    debug(`sealed checkpoint ${sealed.manifest.sequence}, ${size(bytesOf(sealed.manifest))}`);
  }

  /** Saves the newest checkpoint in the store, after a save that is under way. */
  async #save(): Promise<void> {
    this.#saving = this.#saving
      .then(() => this.#saveNewest())
      .catch((error: unknown) => this.#warn('saved', error));
    await this.#saving;
  }

  async #saveNewest(): Promise<void> {
    const manifest = this.#unsaved;
    if (!manifest || !this.#remote) return;
    this.#unsaved = undefined;
    const { saved, bytes, reason } = await this.#remote.save(this.#vault.pathOf(manifest.sequence), manifest);
    this.#options.log(
      saved
        ? `Saved checkpoint ${manifest.sequence} (${size(bytes)})`
        : `Checkpoint ${manifest.sequence} is not saved for other runs: ${reason}`,
    );
    if (!saved) return;
    this.saves += 1;
    this.savedBytes += bytes;
  }

  async #forget(): Promise<void> {
    await this.#saving;
    const known = this.#sealed?.manifest ?? this.resumedFrom;
    const wasSaved = this.saves > 0 || this.resumedFrom !== undefined;
    if (known && wasSaved) {
      const last = { ...known, sequence: this.#nextSequence - 1 };
      await this.#remote?.saveEnd(last).catch((error: unknown) => this.#warn('saved', error));
    }
    await this.#vault.clear();
  }

  /** The state of the folder's files, as far as they are those of a checkpoint. */
  async #stampsOf(manifest: Manifest): Promise<Sealed> {
    const sealed = new Map(manifest.files.map((file) => [file.path, file]));
    const same = (await scan(this.#live)).filter(({ path, bytes, mtimeMs }) => {
      const file = sealed.get(path);
      return file !== undefined && file.bytes === bytes && Math.abs(file.mtimeMs - mtimeMs) <= 1;
    });
    const stamps = new Map(manifest.files.map(({ path }) => [path, 'changed']));
    for (const { path, stamp } of same) stamps.set(path, stamp);
    return { manifest, stamps };
  }

  #warn(what: string, error: unknown): void {
    annotate(
      'warning',
      `A checkpoint could not be ${what}: ${messageOf(error)}. The training goes on without it.`,
    );
  }
}

function vaultsFolder(folder: string): string {
  return join(folder, '.mlops', 'checkpoints');
}

function vaultFolder(folder: string, identity: string): string {
  return join(vaultsFolder(folder), shortHash(identity));
}

async function forgetOthers(folder: string, identity: string): Promise<void> {
  for (const name of await readdir(vaultsFolder(folder)).catch(() => [])) {
    const path = join(vaultsFolder(folder), name);
    if (path === vaultFolder(folder, identity)) continue;
    const { mtimeMs } = await stat(path);
    if (mtimeMs < Date.now() - forgottenMs) await rm(path, { recursive: true, force: true });
  }
}

function added(before: Spent | undefined, now: Spent): Spent {
  return {
    seconds: (before?.seconds ?? 0) + now.seconds,
    energyWh: (before?.energyWh ?? 0) + now.energyWh,
    cost: (before?.cost ?? 0) + now.cost,
  };
}
