import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { openHasher } from '@mlops/core/hash';
import type { StoredFile } from './read.ts';

/** Which of a model's files are in a folder, as files of their own, with their content. */
export async function filesIn(
  folder: string,
  files: readonly StoredFile[],
  signal: AbortSignal | undefined,
): Promise<Set<StoredFile>> {
  const sizes = await Promise.all(files.map(({ path }) => sizeOf(join(folder, path))));
  const candidates = files.filter(({ descriptor }, i) => sizes[i] === descriptor.size);
  const hasher = await openHasher({ signal });
  try {
    const paths = candidates.map(({ path }) => path);
    const digests = new Map((await hasher.paths(folder, paths)).map(({ path, digest }) => [path, digest]));
    return new Set(candidates.filter(({ path, descriptor }) => digests.get(path) === descriptor.digest));
  } finally {
    await hasher.close();
  }
}

async function sizeOf(file: string): Promise<number | undefined> {
  const found = await lstat(file).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}
