import {
  type Descriptor,
  getManifest,
  type ImageManifest,
  indexSchema,
  isIndexType,
  manifestSchema,
  parseAs,
  type Repository,
  readBlob,
} from '@mlops/oci';
import * as z from 'zod';

/** Where the parts of an image are read from: a registry, or a layout in a folder. */
export interface ImageSource {
  /** For messages. */
  name: string;
  manifest(digest: string): Promise<{ mediaType: string; bytes: Buffer }>;
  /** A small blob as a whole. */
  blob(descriptor: Descriptor): Promise<Buffer>;
}

/** An image for one platform. */
export interface PlatformImage {
  /** `linux/amd64`, `linux/arm64/v8`. */
  platform: string;
  descriptor: Descriptor;
  /** Digest of its configuration, which names the image in Docker. */
  imageId: string;
  layers: Descriptor[];
  /** Of its layers as they are stored. */
  bytes: number;
}

export interface ImageFacts {
  /** Of the manifest or index. */
  digest: string;
  mediaType: string;
  /** The bytes of the manifest or index. */
  size: number;
  platforms: PlatformImage[];
}

/** An image as it is in a registry. */
export function registrySource(repository: Repository, signal: AbortSignal): ImageSource {
  return {
    name: `${repository.registry.name}/${repository.name}`,
    async manifest(digest) {
      const { descriptor, bytes } = await getManifest(repository, digest, { signal });
      return { mediaType: descriptor.mediaType, bytes };
    },
    blob: (descriptor) => readBlob(repository, descriptor, { signal }),
  };
}

const configSchema = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().optional(),
  'os.version': z.string().optional(),
});

/** What a source has of a manifest or index. */
type Stored = Awaited<ReturnType<ImageSource['manifest']>>;

/**
 * What an image consists of; attestations in its index are no images and left out.
 *
 * @param root what the source has under the digest, where that was read already
 */
export async function readFacts(source: ImageSource, digest: string, root?: Stored): Promise<ImageFacts> {
  const { mediaType, bytes } = root ?? (await source.manifest(digest));
  const about = { digest, mediaType, size: bytes.length };
  if (!isIndexType(mediaType)) return { ...about, platforms: [await platformImage(source, digest, bytes)] };
  const platforms = await Promise.all(
    imagesIn(source, digest, bytes).map(async (one) =>
      platformImage(source, one.digest, (await source.manifest(one.digest)).bytes, one),
    ),
  );
  return { ...about, platforms };
}

/** Bytes of the layers of an image's largest platform, for which fewer parts are read than for all facts. */
export async function largestSize(source: ImageSource, target: string): Promise<number> {
  const { mediaType, bytes } = await source.manifest(target);
  if (!isIndexType(mediaType)) return sizeOfLayers(manifestOf(source, target, bytes).layers);
  const sizes = imagesIn(source, target, bytes).map(async ({ digest }) =>
    sizeOfLayers(manifestOf(source, digest, (await source.manifest(digest)).bytes).layers),
  );
  return Math.max(0, ...(await Promise.all(sizes)));
}

function imagesIn(source: ImageSource, digest: string, bytes: Buffer): Descriptor[] {
  const index = parseAs(indexSchema, bytes, `the index ${digest} of ${source.name}`);
  return index.manifests.filter(({ platform }) => platform?.os !== 'unknown');
}

function manifestOf(source: ImageSource, digest: string, bytes: Buffer): ImageManifest {
  return parseAs(manifestSchema, bytes, `the manifest ${digest} of ${source.name}`);
}

function sizeOfLayers(layers: readonly Descriptor[]): number {
  return layers.reduce((sum, { size }) => sum + size, 0);
}

async function platformImage(
  source: ImageSource,
  digest: string,
  bytes: Buffer,
  named?: Descriptor,
): Promise<PlatformImage> {
  const { config, layers, mediaType } = manifestOf(source, digest, bytes);
  const shown = `the configuration ${config.digest} of ${source.name}`;
  // An index names the platform of each; a manifest by itself only in its configuration.
  const platform = named?.platform ?? parseAs(configSchema, await source.blob(config), shown);
  return {
    platform: platformName(platform),
    descriptor: named ?? { mediaType: mediaType ?? '', digest, size: bytes.length },
    imageId: config.digest,
    layers,
    bytes: sizeOfLayers(layers),
  };
}

function platformName({
  os,
  architecture,
  variant,
}: {
  os: string;
  architecture: string;
  variant?: string | undefined;
}): string {
  return [os, architecture, variant].filter(Boolean).join('/');
}
