import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { messageOf, UserError } from '@mlops/core';
import {
  type Blob,
  type Descriptor,
  DigestError,
  digestOf,
  getManifest,
  indexSchema,
  nameOf,
  parseAs,
  type Repository,
  readBlob,
} from '@mlops/oci';

interface Options {
  signal?: AbortSignal | undefined;
  /** The most bytes that are read. */
  limit?: number;
}

/** Where an image's parts are read from, each checked against its digest. */
export interface ImageContent {
  /** For messages. */
  name: string;
  manifest(digest: string, options?: Options): Promise<Buffer>;
  blob(blob: Blob, options?: Options): Promise<Buffer>;
}

/** A repository of a registry. */
export function registryContent(repository: Repository): ImageContent {
  return {
    name: nameOf(repository),
    manifest: async (digest, { signal } = {}) => (await getManifest(repository, digest, { signal })).bytes,
    blob: (blob, options) => readBlob(repository, blob, options),
  };
}

/**
 * A folder in the layout of the OCI image specification (image-layout.md), as `docker buildx build --output
 * type=oci,tar=false` writes it.
 */
export function layoutContent(folder: string): ImageContent {
  const read = async (digest: string) => {
    const [algorithm = '', hex = ''] = digest.split(':');
    const path = join(folder, 'blobs', algorithm, hex);
    const bytes = await readFile(path).catch((cause) => {
      throw unreadable(folder, cause);
    });
    const found = digestOf(bytes);
    if (found !== digest) throw new DigestError(`'${path}'`, digest, found);
    return bytes;
  };
  return { name: folder, manifest: read, blob: ({ digest }) => read(digest) };
}

/**
 * What a layout's index.json names: one image or one index.
 *
 * @throws UserError where it names several, or is none
 */
export async function inLayout(folder: string): Promise<Descriptor> {
  const file = resolve(folder, 'index.json');
  const bytes = await readFile(file).catch((cause) => {
    throw unreadable(folder, cause);
  });
  const { manifests } = parseAs(indexSchema, bytes, `'${file}'`);
  const [only] = manifests;
  if (only && manifests.length === 1) return only;
  throw new UserError(`'${file}' names ${manifests.length} images instead of one`, {
    advice: 'Write one image to a folder.',
  });
}

function unreadable(folder: string, cause: unknown): UserError {
  return new UserError(`'${folder}' is no complete OCI layout: ${messageOf(cause)}`, {
    cause,
    advice: 'Build with an output such as type=oci,tar=false,dest=folder.',
  });
}
