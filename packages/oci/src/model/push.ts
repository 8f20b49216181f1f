import { join } from 'node:path';
import { type BlobSource, bytesSource, fileSource, type PushedBlob, pushBlob } from '../blobs.ts';
import type { Descriptor } from '../descriptor.ts';
import { inParallel } from '../in-parallel.ts';
import { headManifest, putManifest } from '../manifests.ts';
import { putReferrer } from '../referrers.ts';
import type { Repository } from '../registry.ts';
import { artifactType } from './kinds.ts';
import type { ModelPack } from './pack.ts';

export interface PushModelOptions {
  signal?: AbortSignal | undefined;
  /** How many files are sent at a time (default 4). */
  parallel?: number;
  /** The most bytes of one request. */
  chunkBytes?: number;
  /** Repositories of the same registry that may have files of the model, such as that of its last version. */
  mountFrom?: readonly string[];
  /** Is told how many bytes of the model are in the registry, and how many it has. */
  onProgress?: (done: number, total: number) => void;
}

export interface PushedModel {
  descriptor: Descriptor;
  /** Bytes of files that went over the wire. */
  sent: number;
  /** How many different files were sent, linked, and there already. */
  uploaded: number;
  mounted: number;
  present: number;
}

/**
 * Pushes a model under a tag, or by digest only when there is none. What the registry has is not sent again; the
 * manifest comes last, so that nobody pulls half a model.
 */
export async function pushModel(
  repository: Repository,
  pack: ModelPack,
  target: string | undefined,
  options: PushModelOptions = {},
): Promise<PushedModel> {
  const { signal, parallel = 4, onProgress, ...blobOptions } = options;
  const { descriptor, bytes } = pack.manifest;
  const blobs = blobsOf(pack);
  // A registry that has the manifest under this tag has all that is in it.
  if (target !== undefined && !pack.subject) {
    const known = await headManifest(repository, target, { signal });
    if (known?.digest === descriptor.digest)
      return { descriptor: withType(descriptor), sent: 0, uploaded: 0, mounted: 0, present: blobs.length };
  }
  const total = blobs.reduce((sum, [{ size }]) => sum + size, 0);
  let done = 0;
  const pushed = await inParallel(
    blobs,
    parallel,
    signal,
    async ([blob, source], aborted): Promise<PushedBlob> => {
      let part = 0;
      const advance = (to: number) => {
        done += to - part;
        part = to;
        onProgress?.(done, total);
      };
      const result = await pushBlob(repository, blob, source, {
        ...blobOptions,
        signal: aborted,
        onProgress: advance,
      });
      advance(blob.size);
      return result;
    },
  );
  const manifest = { mediaType: descriptor.mediaType, bytes, ...(target !== undefined && { target }) };
  await (pack.subject ? putReferrer : putManifest)(repository, manifest, { signal });
  const count = (how: PushedBlob['how']) => pushed.filter((one) => one.how === how).length;
  return {
    descriptor: withType(descriptor),
    sent: pushed.reduce((sum, { sent }) => sum + sent, 0),
    ...{ uploaded: count('uploaded'), mounted: count('mounted'), present: count('present') },
  };
}

/** Each content once, the largest first, so that none of them is left to go alone at the end. */
function blobsOf({ folder, files, config }: ModelPack): [Descriptor, BlobSource][] {
  const blobs = new Map<string, [Descriptor, BlobSource]>();
  for (const { path, descriptor } of files)
    blobs.set(descriptor.digest, [descriptor, fileSource(join(folder, path))]);
  blobs.set(config.descriptor.digest, [config.descriptor, bytesSource(config.bytes)]);
  return [...blobs.values()].sort(([a], [b]) => b.size - a.size);
}

function withType(descriptor: Descriptor): Descriptor {
  return { ...descriptor, artifactType };
}
