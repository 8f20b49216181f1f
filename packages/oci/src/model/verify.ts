import { hasBlob } from '../blobs.ts';
import { inParallel } from '../in-parallel.ts';
import type { Repository } from '../registry.ts';
import { filesIn } from './local.ts';
import { readModel, type StoredFile, type StoredModel } from './read.ts';

export interface VerifiedModel extends StoredModel {
  /** The paths of files that the registry has lost, or of which the folder has others or none. */
  missing: string[];
}

/**
 * Checks a model: its manifest and configuration against the specification and their digests, and that the registry
 * has every file; with a `folder`, instead of the latter, that the folder has every file with the same content.
 */
export async function verifyModel(
  repository: Repository,
  target: string,
  {
    folder,
    signal,
    parallel = 8,
  }: { folder?: string; signal?: AbortSignal | undefined; parallel?: number } = {},
): Promise<VerifiedModel> {
  const model = await readModel(repository, target, { signal });
  const there =
    folder === undefined
      ? await filesAt(repository, model, parallel, signal)
      : await filesIn(folder, model.files, signal);
  return { ...model, missing: model.files.filter((file) => !there.has(file)).map(({ path }) => path) };
}

async function filesAt(
  repository: Repository,
  { files }: StoredModel,
  parallel: number,
  signal: AbortSignal | undefined,
): Promise<Set<StoredFile>> {
  const are = await inParallel(files, parallel, signal, ({ descriptor }, aborted) =>
    hasBlob(repository, descriptor, { signal: aborted }),
  );
  return new Set(files.filter((_, i) => are[i]));
}
