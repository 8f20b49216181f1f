import { existsSync } from 'node:fs';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { nearest, UserError } from '@mlops/core';
import { type Hasher, hashText } from '@mlops/core/hash';
import type { Saved, Store } from '@mlops/core/store';
import { canonical } from './key.ts';
import { normalize } from './paths.ts';
import type { Stage } from './stages.ts';

export interface OutputDigest {
  path: string;
  digest: string;
  bytes: number;
}

/** The outputs of stages: on the disk, and as they are kept in the cache. */
export class Outputs {
  readonly #folder: string;
  readonly #hasher: Hasher;
  readonly #store: Store | undefined;

  /** Without a store nothing is kept. */
  constructor(folder: string, hasher: Hasher, store: Store | undefined) {
    this.#folder = folder;
    this.#hasher = hasher;
    this.#store = store;
  }

  /** Removes what a stage is about to write, so that nothing stale is taken for its work, and makes the folders for it. */
  async clear(stage: Stage): Promise<void> {
    for (const output of stage.outputs) {
      const path = join(this.#folder, output);
      await rm(path, { recursive: true, force: true });
      await mkdir(dirname(path), { recursive: true });
    }
  }

  /** The digests of what a stage wrote. Throws when something is missing. */
  async read(stage: Stage): Promise<OutputDigest[]> {
    for (const output of stage.outputs)
      if (!existsSync(join(this.#folder, output))) throw await this.#notProduced(stage, output);
    return this.#digests(stage.outputs.map(normalize));
  }

  /** How the outputs on the disk compare with what they should be. */
  async state(expected: readonly OutputDigest[]): Promise<'same' | 'absent' | 'different'> {
    const present = expected.filter(({ path }) => existsSync(join(this.#folder, path)));
    const found = await this.#digests(present.map(({ path }) => path));
    if (found.some(({ digest }, i) => digest !== present[i]?.digest)) return 'different';
    return present.length === expected.length ? 'same' : 'absent';
  }

  async save(key: string, outputs: readonly OutputDigest[]): Promise<Saved | undefined> {
    if (!this.#store || !outputs.length) return undefined;
    return this.#store.save(
      archiveKey(key, outputs),
      this.#folder,
      outputs.map(({ path }) => path),
    );
  }

  /** Puts the outputs back from the cache; false when they are not there, or not what they should be. */
  async restore(stage: Stage, key: string, expected: readonly OutputDigest[]): Promise<boolean> {
    const found = await this.#fetch(stage, archiveKey(key, expected), []);
    return found !== undefined && archiveKey(key, found) === archiveKey(key, expected);
  }

  /** Puts back whatever outputs were saved under a stage's key; undefined when there are none. */
  async findAndRestore(stage: Stage, key: string): Promise<OutputDigest[] | undefined> {
    if (!stage.outputs.length) return undefined;
    return this.#fetch(stage, archivePrefix(key), [archivePrefix(key)]);
  }

  async #fetch(stage: Stage, key: string, prefixes: string[]): Promise<OutputDigest[] | undefined> {
    const store = this.#store;
    if (!store) return undefined;
    const paths = stage.outputs.map(normalize);
    await this.clear(stage);
    const restored = await store.restore(key, this.#folder, paths, { prefixes });
    if (!restored) return undefined;
    const complete = paths.every((path) => existsSync(join(this.#folder, path)));
    const found = complete ? await this.#digests(paths) : [];
    // The name of an archive tells the digest of its content: a damaged one is as good as none.
    if (complete && restored.key.endsWith(contentOf(found))) return found;
    await this.clear(stage);
    return undefined;
  }

  async #digests(paths: readonly string[]): Promise<OutputDigest[]> {
    const digests: OutputDigest[] = [];
    for (const path of paths) {
      const [found] = await this.#hasher.paths(this.#folder, [path]);
      if (found) digests.push({ path, digest: found.digest, bytes: found.bytes });
    }
    return digests;
  }

  async #notProduced(stage: Stage, output: string): Promise<UserError> {
    const folder = dirname(output);
    const there = (await readdir(join(this.#folder, folder))).sort();
    const near = nearest(basename(output), there);
    const where = folder === '.' ? 'The working directory' : `'${folder}'`;
    return new UserError(`stage '${stage.name}' ended well, but its output '${output}' is not there`, {
      advice: `${near ? `Did you mean '${folder === '.' ? near : `${folder}/${near}`}'? ` : ''}${where} holds: ${list(there)}.`,
    });
  }
}

/**
 * Named for what decides the outputs and for what they are: a stage that ran again with another result, because it is
 * not deterministic, does not collide with its earlier one.
 */
function archiveKey(key: string, outputs: readonly OutputDigest[]): string {
  return `${archivePrefix(key)}${contentOf(outputs)}`;
}

function archivePrefix(key: string): string {
  return `mlops-stage-${key.slice('sha256:'.length)}-`;
}

function contentOf(outputs: readonly OutputDigest[]): string {
  const digests = Object.fromEntries(outputs.map(({ path, digest }) => [path, digest]));
  return hashText(canonical(digests)).slice('sha256:'.length, 'sha256:'.length + 32);
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 12).join(', ');
  return `${shown || 'nothing'}${names.length > 12 ? ` and ${names.length - 12} more` : ''}`;
}
