import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { UserError } from '@mlops/core';
import { type Descriptor, indexSchema, parseAs } from '@mlops/oci';
import type { ImageSource } from './facts.ts';

/** An image in a folder, as the OCI image specification 1.1 lays it out (image-layout.md). */
export interface Layout extends ImageSource {
  folder: string;
  /** The image, or the index of several. */
  root: Descriptor;
  pathOf(digest: string): string;
  open(descriptor: Descriptor): Readable;
}

export async function openLayout(folder: string): Promise<Layout> {
  const shown = `the image layout in ${folder}`;
  const content = await readFile(join(folder, 'index.json')).catch((cause: unknown) => {
    throw new UserError(`${shown} has no index.json`, {
      cause,
      advice: 'The builder cannot write layouts: use one with BuildKit 0.11 or newer.',
    });
  });
  const [root] = parseAs(indexSchema, content, shown).manifests;
  if (!root) throw new UserError(`${shown} holds no image`, { advice: 'Build it anew.' });
  const pathOf = (digest: string) => join(folder, 'blobs', ...digest.split(':'));
  const read = async (digest: string) => {
    const bytes = await readFile(pathOf(digest));
    const found = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    if (found !== digest)
      throw new UserError(`${pathOf(digest)} has the digest ${found}`, {
        advice:
          'The disk damages what is written to it, or something changed the file: build the image anew.',
      });
    return bytes;
  };
  const types = new Map<string, string>([[root.digest, root.mediaType]]);
  return {
    ...{ folder, root, pathOf, name: shown },
    async manifest(digest) {
      const bytes = await read(digest);
      const { mediaType, manifests } = JSON.parse(bytes.toString()) as {
        mediaType?: string;
        manifests?: Descriptor[];
      };
      for (const one of manifests ?? []) types.set(one.digest, one.mediaType);
      return { mediaType: types.get(digest) ?? mediaType ?? '', bytes };
    },
    blob: ({ digest }) => read(digest),
    open: ({ digest }) => createReadStream(pathOf(digest)),
  };
}
