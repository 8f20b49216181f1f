import { join } from 'node:path';
import { annotate, debug, messageOf, UserError } from '@mlops/core';
import { type Hasher, openHasher } from '@mlops/core/hash';
import type { Store } from '@mlops/core/store';
import { duration, size } from '../format.ts';
import { empty, fingerprint, isBeingWritten, type LiveFile, scan } from './live-folder.ts';
import { added, bytesOf, type Manifest, type Spent } from './manifest.ts';
import { newestWhole } from './newest.ts';
import {
  type Exit,
  entriesOf,
  type Leader,
  leaderOf,
  makePrivateFolder,
  type Owner,
  readOwner,
  refuseForeignFiles,
  writeOwner,
} from './owner.ts';
import { Pace, restlessMs } from './pace.ts';
import { Remote } from './remote.ts';
import { Saver } from './saver.ts';
import { areWhole, trustworthy } from './trust.ts';
import { forgetOldVaults, type Sealed, Vault, vaultFolder } from './vault.ts';

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
  /** The run of the workflow: the same for all attempts of it, and for all its jobs. */
  run: string;
  log: (line: string) => void;
  /** How often the folder is looked at in milliseconds (default 1000). */
  lookMs?: number;
}

/**
 * The checkpoints of one command: puts the newest whole one back before it starts, seals a copy whenever the command has
 * written one, saves that in the store on an interval, and once more at the end. Whatever goes wrong in here is a
 * warning: a training is not ended because its checkpoint could not be kept.
 */
export class Checkpoints {
  /** The checkpoint that the command was given; undefined when it starts anew. */
  resumedFrom: Manifest | undefined;
  readonly #options: CheckpointOptions;
  readonly #live: string;
  readonly #hasher: Hasher;
  readonly #vault: Vault;
  readonly #remote: Remote | undefined;
  readonly #saver: Saver;
  readonly #warned = new Set<string>();
  readonly #pace: Pace;
  #sealed: Sealed | undefined;
  /** Fingerprint of what was sealed last. */
  #sealedState = '';
  /** The highest number that was given out. */
  #sequence = 0;
  /** Whether the store may hold checkpoints of earlier attempts. */
  #hasPredecessor = false;
  #lastSave = 0;
  #isWatching = false;
  #timer: NodeJS.Timeout | undefined;
  /** Undefined as long as the command runs, and where nobody saw its end. */
  #exit: Exit | undefined;
  #looking: Promise<void> = Promise.resolve();

  private constructor(options: CheckpointOptions, identity: string, hasher: Hasher) {
    this.#options = options;
    this.#live = join(options.folder, options.dir);
    this.#pace = new Pace(options.lookMs ?? 1000, Date.now());
    this.#hasher = hasher;
    this.#vault = new Vault(vaultFolder(options.folder, identity), identity, hasher);
    this.#remote = options.store && new Remote(options.store, options.folder, identity);
    this.#saver = new Saver({
      vault: this.#vault,
      remote: this.#remote,
      log: options.log,
      warn: (error) => this.#warn('saved', error),
    });
  }

  /**
   * Gets the folder ready for a command. `identity` is a digest of everything that makes an earlier checkpoint of it
   * usable; with `fresh`, only one that was made in this run of the workflow is used.
   */
  static async open(
    options: CheckpointOptions,
    identity: string,
    { fresh = false } = {},
  ): Promise<Checkpoints> {
    const { folder, dir } = options;
    await makePrivateFolder(folder);
    const owner = await readOwner(folder, dir);
    refuseForeignFiles(join(folder, dir), dir, owner);
    await forgetOldVaults(folder, identity);
    const checkpoints = new Checkpoints(options, identity, await openHasher());
    try {
      await checkpoints.#putBack(fresh, owner);
    } catch (error) {
      checkpoints.#note('ended');
      await checkpoints.#hasher.close();
      throw error;
    }
    return checkpoints;
  }

  /** What is left of a run whose process was killed; undefined when there is nothing to take care of. */
  static async reopen(
    options: CheckpointOptions,
  ): Promise<{ checkpoints: Checkpoints; leader: Leader | null } | undefined> {
    const owner = await readOwner(options.folder, options.dir);
    if (owner?.state !== 'running') return undefined;
    const checkpoints = new Checkpoints(options, owner.identity, await openHasher());
    checkpoints.#exit = owner.exit ?? undefined;
    const newest = await checkpoints.#takeNewestHere();
    if (newest) {
      checkpoints.resumedFrom = newest; // What was used up until then counts.
      const isSaved = await checkpoints.#remote?.has(newest.sequence);
      if (!isSaved) checkpoints.#saver.offer(newest);
    }
    return { checkpoints, leader: owner.leader };
  }

  /** Number of checkpoints that were saved in the store, and their bytes. */
  get saved(): { saves: number; bytes: number } {
    return this.#saver;
  }

  /** Why the newest checkpoint is of no use to another machine; undefined where it is. */
  get unsavedBecause(): string | undefined {
    return this.#saver.unsavedBecause;
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
    this.#note('running', leaderOf(pid));
    this.#lastSave = Date.now();
    this.#isWatching = true;
    this.#lookAgain();
  }

  /** To be told as soon as the command's process has ended: what it wrote right before that may be cut off. */
  exited(how: Exit['how']): void {
    this.#exit = { how, at: Date.now() };
    this.#note('running');
  }

  /**
   * Ends the watch, seals what the command has left, and saves it in the store unless there is no time (`save: false`).
   * After a finished training nothing is left to resume from.
   */
  async end({ finished = false, save = true } = {}): Promise<void> {
    this.#isWatching = false;
    clearTimeout(this.#timer);
    await this.#looking;
    try {
      if (finished) await this.#forget().catch((error: unknown) => this.#warn('removed', error));
      else {
        await this.#sealLast().catch((error: unknown) => this.#warn('sealed', error));
        if (save) await this.#saver.save();
      }
      this.#note(finished || save ? 'ended' : 'running');
    } finally {
      await this.#hasher.close();
    }
  }

  /** For whoever comes next, should this process be killed. */
  #note(state: Owner['state'], leader: Leader | null = null): void {
    const { folder, dir } = this.#options;
    const { identity } = this.#vault;
    try {
      const entries = state === 'ended' ? entriesOf(this.#live, dir) : null;
      writeOwner(folder, { ...{ dir, identity, state, leader, entries }, exit: this.#exit ?? null });
    } catch (error) {
      this.#warn('watched', error);
    }
  }

  async #putBack(fresh: boolean, owner: Owner | undefined): Promise<void> {
    if (!fresh && owner?.state === 'running' && owner.identity === this.#vault.identity)
      await this.#sealLeftovers(owner.exit ?? undefined);
    // However far it gets from here on, what lies in the folder is this action's.
    this.#note('running');
    const newest = await newestWhole(this.#vault, this.#remote, this.#hasher);
    this.#sequence = newest.highest;
    this.#hasPredecessor = newest.highest > 0;
    const isUsable = !fresh || newest.manifest?.run === this.#options.run;
    const manifest = isUsable ? newest.manifest : undefined;
    if (!manifest) {
      await this.#vault.clear();
      return empty(this.#live);
    }
    await this.#vault.unpack(manifest, this.#live).catch((error: unknown) => {
      throw new UserError(`checkpoint ${manifest.sequence} could not be put back: ${messageOf(error)}`, {
        cause: error,
        advice: `It needs ${size(bytesOf(manifest))} in '${this.#options.dir}'. Free the disk, or start anew with the input 'force'.`,
      });
    });
    this.resumedFrom = manifest;
    await this.#take(manifest);
    this.#options.log(
      `Resuming from checkpoint ${manifest.sequence} of ${manifest.sealedAt.slice(0, 19).replace('T', ' ')} UTC (${size(bytesOf(manifest))}, after ${duration(manifest.spent.seconds * 1000)} of training)`,
    );
  }

  /** A run that was killed as a whole sealed nothing at its end: its last files may be newer than its last checkpoint. */
  async #sealLeftovers(exit: Exit | undefined): Promise<void> {
    this.#exit = exit;
    await this.#takeNewestHere();
    await this.#sealLast().catch((error: unknown) => this.#warn('sealed', error));
    this.#exit = undefined;
  }

  #lookAgain(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look()
        .catch((error: unknown) => this.#warn('sealed', error))
        .then(() => {
          if (this.#isWatching) this.#lookAgain();
        });
    }, this.#pace.pauseMs);
  }

  async #look(): Promise<void> {
    const now = Date.now();
    const files = await scan(this.#live);
    const state = fingerprint(files);
    const isTime = this.#pace.isTimeToSeal(state, now) && files.length > 0 && state !== this.#sealedState;
    const isReady = isTime && (await this.#isAtRest(files, now));
    this.#pace.looked(Date.now() - now);
    if (isReady) await this.#seal(files);
    if (this.#saver.hasUnsaved && now - this.#lastSave >= this.#options.intervalMs) {
      this.#lastSave = now;
      void this.#saver.save();
    }
  }

  async #isAtRest(files: readonly LiveFile[], now: number): Promise<boolean> {
    const recent = this.#changed(files).filter(({ mtimeMs }) => mtimeMs > now - restlessMs);
    return (await areWhole(this.#live, recent)) && !(await isBeingWritten(this.#live));
  }

  /** Above all that were given out, here or by whoever saves the same training. */
  #nextSequence(): number {
    return Math.max(this.#sequence, this.#saver.highest) + 1;
  }

  /** Those that are not as they were in the last checkpoint. */
  #changed(files: readonly LiveFile[]): LiveFile[] {
    return files.filter(({ path, stamp }) => this.#sealed?.stamps.get(path) !== stamp);
  }

  async #sealLast(): Promise<void> {
    const files = await scan(this.#live);
    if (!files.length || fingerprint(files) === this.#sealedState) return;
    if (this.#exit?.how === 'stopped' && (await areWhole(this.#live, this.#changed(files))))
      return this.#seal(files);
    const stamps = this.#sealed?.stamps ?? new Map<string, string>();
    const kept = await trustworthy(this.#live, files, stamps, this.#exit);
    if (kept) return this.#seal(kept);
    const newest = this.newest;
    this.#options.log(
      `What lies in ${this.#options.dir} was being written when the command ended, and is not used${newest ? `; checkpoint ${newest.sequence} is` : ''}`,
    );
  }

  async #seal(files: readonly LiveFile[]): Promise<void> {
    const started = Date.now();
    const spent = added(this.resumedFrom?.spent, this.#options.spent());
    const about = { sequence: this.#nextSequence(), spent, run: this.#options.run };
    const sealed = await this.#vault.seal(this.#live, files, about, this.#sealed).finally(() => {
      this.#pace.sealed(Date.now(), Date.now() - started);
    });
    if (!sealed) return;
    this.#sealed = sealed;
    this.#sealedState = fingerprint(files);
    this.#saver.offer(sealed.manifest);
    this.#sequence = sealed.manifest.sequence;
    debug(`sealed checkpoint ${sealed.manifest.sequence}, ${size(bytesOf(sealed.manifest))}`);
  }

  /** Leaves a mark without files where checkpoints may be, so that nobody resumes from them. */
  async #forget(): Promise<void> {
    await this.#saver.settled();
    if (this.#hasPredecessor || this.#saver.saves) {
      const { identity } = this.#vault;
      const about = { sequence: this.#nextSequence(), run: this.#options.run, spent: this.#options.spent() };
      const mark: Manifest = {
        ...{ version: 1, identity, sealedAt: new Date().toISOString(), ...about },
        files: [],
      };
      await this.#remote?.save(this.#vault.folder, mark);
    }
    await this.#vault.clear();
  }

  async #takeNewestHere(): Promise<Manifest | undefined> {
    const [newest] = await this.#vault.list();
    this.#sequence = newest?.sequence ?? 0;
    if (newest) await this.#take(newest);
    return newest;
  }

  /** Takes a checkpoint for the last one that was sealed. */
  async #take(manifest: Manifest): Promise<void> {
    this.#sealed = await this.#stampsOf(manifest);
    const files = await scan(this.#live);
    if (files.length === manifest.files.length && !this.#changed(files).length)
      this.#sealedState = fingerprint(files);
  }

  /** The state of the folder's files, as far as they are those of a checkpoint. */
  async #stampsOf(manifest: Manifest): Promise<Sealed> {
    const sealed = new Map(manifest.files.map((file) => [file.path, file]));
    const same = (await scan(this.#live)).filter(({ path, bytes, mtimeMs, link }) => {
      const file = sealed.get(path);
      if (link !== undefined) return file?.link === link;
      return file !== undefined && file.bytes === bytes && Math.abs(file.mtimeMs - mtimeMs) <= 1;
    });
    const stamps = new Map(manifest.files.map(({ path }) => [path, 'changed']));
    for (const { path, stamp } of same) stamps.set(path, stamp);
    return { manifest, stamps };
  }

  /** What goes wrong each second is told once. */
  #warn(what: string, error: unknown): void {
    const message = messageOf(error);
    if (this.#warned.has(message)) return;
    this.#warned.add(message);
    annotate('warning', `A checkpoint could not be ${what}: ${message}. The training goes on without it.`);
  }
}
