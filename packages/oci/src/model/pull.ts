import { copyFile, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pullBlob } from '../download.ts';
import { inParallel } from '../in-parallel.ts';
import type { Repository } from '../registry.ts';
import { filesIn } from './local.ts';
import { checkWritable } from './paths.ts';
import { readModel, type StoredFile, type StoredModel } from './read.ts';

export interface PullModelOptions {
  signal?: AbortSignal | undefined;
  /** How many files are fetched at a time (default 4). */
  parallel?: number;
  /** Is told how many bytes of what has to be fetched are there, and how many it is. */
  onProgress?: (done: number, total: number) => void;
}

export interface PulledModel extends StoredModel {
  /** Bytes of files that were fetched; what the folder had is not fetched again. */
  received: number;
}

/**
 * Pulls a model into a folder, which is made where it is missing. Files that are there with the right content stay;
 * others of the same names are replaced, and files that are not the model's are left alone. All is fetched and checked
 * before anything is put in place, beside the files in `.model-<digest>`, where the next pull goes on after one that
 * was ended. Nothing is written outside the folder, nor through links in it.
 */
export async function pullModel(
  repository: Repository,
  target: string,
  folder: string,
  options: PullModelOptions = {},
): Promise<PulledModel> {
  const { signal, parallel = 4, onProgress } = options;
  const model = await readModel(repository, target, { signal });
  await mkdir(folder, { recursive: true });
  for (const { path } of model.files) await checkWritable(folder, path);
  const present = await filesIn(folder, model.files, signal);
  const missing = model.files.filter((file) => !present.has(file));
  const blobs = [...new Map(missing.map(({ descriptor }) => [descriptor.digest, descriptor])).values()];
  const name = `.model-${model.descriptor.digest.replace(/^.*:/, '').slice(0, 16)}`;
  const staging = join(folder, name);
  await checkWritable(folder, `${name}/x`);
  if (blobs.length > 0) await mkdir(staging, { recursive: true });
  const total = blobs.reduce((sum, { size }) => sum + size, 0);
  let done = 0;
  await inParallel(blobs, parallel, signal, async (blob, aborted) => {
    let part = 0;
    const advance = (to: number) => {
      done += to - part;
      part = to;
      onProgress?.(done, total);
    };
    await pullBlob(repository, blob, staged(staging, blob.digest), { signal: aborted, onProgress: advance });
  });
  signal?.throwIfAborted();
  await place(missing, staging, folder);
  await rm(staging, { recursive: true, force: true });
  return { ...model, received: total };
}

/** Several files may have one content: the last gets the file itself, those before it copies. */
async function place(files: readonly StoredFile[], staging: string, folder: string): Promise<void> {
  const last = new Map(files.map(({ descriptor }, i) => [descriptor.digest, i]));
  for (const [i, { path, descriptor }] of files.entries()) {
    const target = join(folder, path);
    const source = staged(staging, descriptor.digest);
    await mkdir(dirname(target), { recursive: true });
    if (last.get(descriptor.digest) === i) {
      await rename(source, target);
      continue;
    }
    await copyFile(source, `${source}.copy`);
    await rename(`${source}.copy`, target);
  }
}

function staged(staging: string, digest: string): string {
  return join(staging, digest.replace(':', '-'));
}
