import {
  type Descriptor,
  fileSource,
  indexSchema,
  inParallel,
  isIndexType,
  manifestSchema,
  parseAs,
  pushBlob,
  putManifest,
  type Repository,
} from '@mlops/oci';
import type { Layout } from './layout.ts';

export interface LayoutPush {
  /** Tags to give; by digest only without any. */
  tags: readonly string[];
  /** How many blobs are sent at a time (default 4). */
  parallel?: number;
  /** Repositories of the same registry that may have layers of it. */
  mountFrom?: readonly string[];
  signal: AbortSignal;
  /** Is told how many bytes of how many are in the registry. */
  onProgress?: (done: number, total: number) => void;
}

/**
 * Pushes an image that lies in a layout: the very bytes that were tested. What the registry has is not sent again, uploads
 * go on where a connection was cut, and the manifest that others find comes last.
 */
export async function pushLayout(
  layout: Layout,
  repository: Repository,
  { tags, parallel = 4, mountFrom = [], signal, onProgress }: LayoutPush,
): Promise<void> {
  const { manifests, blobs } = await contentsOf(layout);
  const total = blobs.reduce((sum, { size }) => sum + size, 0);
  const sent = new Map<string, number>();
  const tell = (digest: string, bytes: number) => {
    sent.set(digest, bytes);
    onProgress?.(
      [...sent.values()].reduce((sum, one) => sum + one, 0),
      total,
    );
  };
  // The largest first, so that none of them is left to go alone at the end.
  const largestFirst = blobs.toSorted((a, b) => b.size - a.size);
  await inParallel(largestFirst, parallel, signal, async (blob, signal) => {
    await pushBlob(repository, blob, fileSource(layout.pathOf(blob.digest)), {
      ...{ signal, mountFrom },
      onProgress: (bytes) => tell(blob.digest, Math.min(bytes, blob.size)),
    });
    tell(blob.digest, blob.size);
  });
  for (const { digest, mediaType, bytes } of manifests) {
    const isRoot = digest === layout.root.digest;
    const targets = isRoot && tags.length ? tags : [digest];
    for (const target of targets) await putManifest(repository, { mediaType, bytes, target }, { signal });
  }
}

interface Manifest {
  digest: string;
  mediaType: string;
  bytes: Buffer;
}

/** Every manifest, those that are referred to before those that refer, and every blob once. */
async function contentsOf(layout: Layout): Promise<{ manifests: Manifest[]; blobs: Descriptor[] }> {
  const manifests: Manifest[] = [];
  const blobs = new Map<string, Descriptor>();
  const visit = async (digest: string) => {
    if (manifests.some((one) => one.digest === digest)) return;
    const { mediaType, bytes } = await layout.manifest(digest);
    const shown = `the manifest ${digest} of ${layout.name}`;
    if (isIndexType(mediaType))
      for (const one of parseAs(indexSchema, bytes, shown).manifests) await visit(one.digest);
    else {
      const { config, layers } = parseAs(manifestSchema, bytes, shown);
      for (const one of [config, ...layers]) blobs.set(one.digest, one);
    }
    manifests.push({ digest, mediaType, bytes });
  };
  await visit(layout.root.digest);
  return { manifests, blobs: [...blobs.values()] };
}
