import { constants } from 'node:fs';
import {
  copyFile,
  link,
  mkdir,
  open,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Hasher } from '@mlops/core/hash';
import { empty, type LiveFile, scan } from './live-folder.ts';
import { filesFolder, type Manifest, manifestFile, readManifest, type SealedFile } from './manifest.ts';
import { shortHash } from './short-hash.ts';

/** Older checkpoints than the last two are not kept: the newest may turn out to be damaged, but hardly both. */
const kept = 2;

/**
 * The sealed checkpoints of one training on this machine: copies that the training's command cannot change any more, each
 * with a manifest of digests. A checkpoint is the whole state of the folder at one moment.
 */
export class Vault {
  readonly folder: string;
  readonly identity: string;
  readonly #hasher: Hasher;

  constructor(folder: string, identity: string, hasher: Hasher) {
    this.folder = folder;
    this.identity = identity;
    this.#hasher = hasher;
  }

  /** Manifests of what is here, newest first; those of other trainings and half-written ones do not count. */
  async list(): Promise<Manifest[]> {
    const names = (await readdir(this.folder).catch(() => [])).filter((name) => /^\d+$/.test(name));
    const manifests = await Promise.all(names.map((name) => readManifest(join(this.folder, name))));
    return manifests
      .filter((manifest) => manifest?.identity === this.identity)
      .filter((manifest) => manifest !== undefined)
      .sort((a, b) => b.sequence - a.sequence);
  }

  pathOf(sequence: number): string {
    return join(this.folder, String(sequence).padStart(6, '0'));
  }

  /**
   * Copies the files and seals them. Returns undefined when one of them changed meanwhile. A file that is as it was in
   * the checkpoint before is linked to that copy instead.
   */
  async seal(
    live: string,
    files: readonly LiveFile[],
    about: Pick<Manifest, 'sequence' | 'spent' | 'run'>,
    before: Sealed | undefined,
  ): Promise<Sealed | undefined> {
    const target = this.pathOf(about.sequence);
    const partial = `${target}.part`;
    await rm(partial, { recursive: true, force: true });
    try {
      const known = new Map(before?.manifest.files.map((file) => [file.path, file]));
      const same = files.filter(
        ({ path, stamp, link }) => link === undefined && before?.stamps.get(path) === stamp,
      );
      const reused = new Set(same.map(({ path }) => path));
      for (const file of files) {
        const to = join(partial, filesFolder, file.path);
        await mkdir(dirname(to), { recursive: true });
        if (file.link !== undefined) await symlink(file.link, to);
        else if (reused.has(file.path) && before)
          await linkOrCopy(join(this.pathOf(before.manifest.sequence), filesFolder, file.path), to);
        else await copyKeepingTime(join(live, file.path), to, file.mtimeMs);
      }
      if (!(await isUnchanged(live, files))) return undefined;
      const fresh = files.filter(({ path, link }) => link === undefined && !reused.has(path));
      const digests = new Map<string, { digest: string; bytes: number }>();
      for (const { path } of fresh)
        digests.set(path, await this.#hasher.file(join(partial, filesFolder, path)));
      const sealed = files.map((file): SealedFile => {
        const { path, mtimeMs, link } = file;
        if (link !== undefined) return { path, bytes: 0, digest: '', mtimeMs, link };
        const found = digests.get(path) ?? known.get(path);
        return { path, bytes: found?.bytes ?? file.bytes, digest: found?.digest ?? '', mtimeMs };
      });
      const manifest: Manifest = {
        ...{ version: 1, identity: this.identity, sealedAt: new Date().toISOString() },
        ...about,
        files: sealed,
      };
      await writeDurably(join(partial, manifestFile), JSON.stringify(manifest));
      await rename(partial, target);
      await this.#prune();
      return { manifest, stamps: new Map(files.map(({ path, stamp }) => [path, stamp])) };
    } catch (error) {
      // Trainers remove their older checkpoints at any time.
      if (await isUnchanged(live, files)) throw error;
      return undefined;
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
  }

  /** Takes in a checkpoint that came from elsewhere. */
  async adopt(folder: string, { sequence }: Manifest): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await rm(this.pathOf(sequence), { recursive: true, force: true });
    await rename(folder, this.pathOf(sequence));
    await this.#prune();
  }

  /** What is wrong with a checkpoint's files; undefined when all are as the manifest says. */
  async damage(manifest: Manifest): Promise<string | undefined> {
    return damageOf(this.pathOf(manifest.sequence), manifest, this.#hasher);
  }

  /** Puts a checkpoint's files into a folder, in place of whatever is there. */
  async unpack({ sequence, files }: Manifest, live: string): Promise<void> {
    await empty(live);
    for (const { path, mtimeMs, link } of files) {
      const to = join(live, path);
      await mkdir(dirname(to), { recursive: true });
      if (link !== undefined) await symlink(link, to);
      else await copyKeepingTime(join(this.pathOf(sequence), filesFolder, path), to, mtimeMs);
    }
  }

  async discard(sequence: number): Promise<void> {
    await rm(this.pathOf(sequence), { recursive: true, force: true });
  }

  async clear(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  async #prune(): Promise<void> {
    for (const { sequence } of (await this.list()).slice(kept)) await this.discard(sequence);
    // What a process that was killed has left.
    for (const name of await readdir(this.folder))
      if (name.endsWith('.part')) await rm(join(this.folder, name), { recursive: true, force: true });
  }
}

/** A checkpoint of this process's making, with the state of the files that it was made of. */
export interface Sealed {
  manifest: Manifest;
  stamps: ReadonlyMap<string, string>;
}

function vaultsFolder(folder: string): string {
  return join(folder, '.mlops', 'checkpoints');
}

/** Where the checkpoints of a training lie, in the working directory. */
export function vaultFolder(folder: string, identity: string): string {
  return join(vaultsFolder(folder), shortHash(identity));
}

/** Leftovers of other trainings on a machine that outlives jobs are removed after this long. */
const forgottenMs = 14 * 24 * 3_600_000;

/** Removes what other trainings than this one have left and nobody came back for. */
export async function forgetOldVaults(folder: string, identity: string): Promise<void> {
  for (const name of await readdir(vaultsFolder(folder)).catch(() => [])) {
    const path = join(vaultsFolder(folder), name);
    if (path === vaultFolder(folder, identity)) continue;
    const { mtimeMs } = await stat(path);
    if (mtimeMs < Date.now() - forgottenMs) await rm(path, { recursive: true, force: true });
  }
}

export async function damageOf(
  folder: string,
  { files }: Manifest,
  hasher: Hasher,
): Promise<string | undefined> {
  for (const { path, digest, link } of files) {
    if (link !== undefined) continue;
    const found = await hasher.file(join(folder, filesFolder, path)).catch(() => undefined);
    if (!found) return `'${path}' is missing`;
    if (found.digest !== digest) return `'${path}' has another digest than its manifest says`;
  }
  return undefined;
}

async function isUnchanged(live: string, files: readonly LiveFile[]): Promise<boolean> {
  const now = new Map((await scan(live)).map(({ path, stamp }) => [path, stamp]));
  return files.every(({ path, stamp }) => now.get(path) === stamp);
}

/** A second name for a sealed file, which nobody changes any more; a copy where the file system has no such thing. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  await link(from, to).catch(() => copyFile(from, to));
}

/** Shares the blocks where the file system can; times are kept, because trainers choose the newest file by them. */
async function copyKeepingTime(from: string, to: string, mtimeMs: number): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  await utimes(to, mtimeMs / 1000, mtimeMs / 1000);
}

async function writeDurably(path: string, text: string): Promise<void> {
  await writeFile(`${path}.part`, text);
  const file = await open(`${path}.part`, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
}
