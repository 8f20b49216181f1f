import { join } from 'node:path';
import { type BlobSource, bytesSource, fileSource, type PushedBlob } from '../blobs.ts';
import type { Descriptor } from '../descriptor.ts';
import { headManifest, putManifest } from '../manifests.ts';
import { putReferrer } from '../referrers.ts';
import type { Repository } from '../registry.ts';
import { artifactType } from './kinds.ts';
import { type ModelFile, type ModelPack, type PackOptions, packModel } from './pack.ts';
import { Sender } from './sender.ts';

export interface PushModelOptions {
  signal?: AbortSignal | undefined;
  /** How many files are sent at a time (default 4). */
  parallel?: number;
  /** The most bytes of one request. */
  chunkBytes?: number;
  /** Repositories of the same registry that may have files of the model, such as that of its last version. */
  mountFrom?: readonly string[];
  /** Is told how many bytes of the model are in the registry, and how many it has as far as that is known. */
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
  // The largest first, so that none of them is left to go alone at the end.
  const files = pack.files.toSorted((a, b) => b.descriptor.size - a.descriptor.size);
  if (await isUnder(repository, pack, target, options.signal)) {
    const present = new Set(files.map(({ descriptor }) => descriptor.digest)).size + 1;
    return summary(pack, Array(present).fill({ how: 'present', sent: 0 }));
  }
  const sender = senderFor(repository, options);
  for (const file of files) sender.add(file.descriptor, sourceOf(pack.folder, file));
  return complete(repository, pack, target, sender);
}

/** Packs the model in a folder and pushes it: each file is sent as soon as it is hashed, while the others are. */
export async function packAndPushModel(
  repository: Repository,
  folder: string,
  target: string | undefined,
  options: PushModelOptions & PackOptions = {},
): Promise<PushedModel & { pack: ModelPack }> {
  const sender = senderFor(repository, options);
  const onHashed = (file: ModelFile) => {
    sender.add(file.descriptor, sourceOf(folder, file));
    options.onHashed?.(file);
  };
  const packing = packModel(folder, { ...options, signal: sender.signal, onHashed });
  const pack = await packing.catch((error: unknown) => sender.fail(error));
  const pushed = (await isUnder(repository, pack, target, sender.signal))
    ? summary(pack, await sender.finish())
    : await complete(repository, pack, target, sender);
  return { ...pushed, pack };
}

function senderFor(repository: Repository, options: PushModelOptions): Sender {
  const { signal, parallel = 4, chunkBytes, mountFrom, onProgress } = options;
  return new Sender(repository, {
    ...{ signal, parallel, onProgress, ...(chunkBytes && { chunkBytes }), ...(mountFrom && { mountFrom }) },
  });
}

function sourceOf(folder: string, { path }: ModelFile): BlobSource {
  return fileSource(join(folder, path));
}

/** Whether the tag names this very manifest; a registry that has it has all that is in it. */
async function isUnder(
  repository: Repository,
  { manifest, subject }: ModelPack,
  target: string | undefined,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  // What has a subject may still have to be added to its referrers.
  if (target === undefined || subject) return false;
  return (await headManifest(repository, target, { signal }))?.digest === manifest.descriptor.digest;
}

async function complete(
  repository: Repository,
  pack: ModelPack,
  target: string | undefined,
  sender: Sender,
): Promise<PushedModel> {
  const { config, manifest, subject } = pack;
  sender.add(config.descriptor, bytesSource(config.bytes));
  const blobs = await sender.finish();
  const { mediaType } = manifest.descriptor;
  const put = subject ? putReferrer : putManifest;
  const { bytes } = manifest;
  await put(repository, { mediaType, bytes, ...(target !== undefined && { target }) }, sender);
  return summary(pack, blobs);
}

function summary({ manifest }: ModelPack, blobs: readonly PushedBlob[]): PushedModel {
  const count = (how: PushedBlob['how']) => blobs.filter((one) => one.how === how).length;
  return {
    descriptor: { ...manifest.descriptor, artifactType },
    sent: blobs.reduce((sum, { sent }) => sum + sent, 0),
    ...{ uploaded: count('uploaded'), mounted: count('mounted'), present: count('present') },
  };
}
