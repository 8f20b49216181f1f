import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a training has used up, over all attempts that led to a checkpoint. */
export interface Spent {
  seconds: number;
  energyWh: number;
  /** In the currency of the price table. */
  cost: number;
}

export function added(before: Spent | undefined, now: Spent): Spent {
  return {
    seconds: (before?.seconds ?? 0) + now.seconds,
    energyWh: (before?.energyWh ?? 0) + now.energyWh,
    cost: (before?.cost ?? 0) + now.cost,
  };
}

/** Describes a sealed checkpoint; written last, so that a checkpoint without one is not whole. */
export interface Manifest {
  version: 1;
  /** What the training depends on: a checkpoint of another identity is none of this training's. */
  identity: string;
  /** Counts up over all attempts. */
  sequence: number;
  sealedAt: string;
  /** The run of the workflow that it was made in. */
  run: string;
  spent: Spent;
  files: SealedFile[];
}

export interface SealedFile {
  /** Relative to the folder, with `/`. */
  path: string;
  bytes: number;
  /** `sha256:…`; empty for a link. */
  digest: string;
  mtimeMs: number;
  link?: string;
}

export const manifestFile = 'manifest.json';
/** Folder of a checkpoint's files, beside its manifest. */
export const filesFolder = 'files';

export async function readManifest(folder: string): Promise<Manifest | undefined> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, manifestFile), 'utf8')) as Manifest;
    return manifest.version === 1 && Array.isArray(manifest.files) ? manifest : undefined;
  } catch {
    return undefined;
  }
}

export function bytesOf({ files }: Pick<Manifest, 'files'>): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
