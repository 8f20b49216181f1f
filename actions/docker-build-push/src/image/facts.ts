import {
  type Descriptor,
  getManifest,
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

/** What an image consists of; attestations in its index are no images and left out. */
export async function readFacts(source: ImageSource, digest: string): Promise<ImageFacts> {
  const { mediaType, bytes } = await source.manifest(digest);
  const about = { digest, mediaType, size: bytes.length };
  if (!isIndexType(mediaType)) return { ...about, platforms: [await platformImage(source, digest, bytes)] };
  const index = parseAs(indexSchema, bytes, `the index ${digest} of ${source.name}`);
  const images = index.manifests.filter(({ platform }) => platform?.os !== 'unknown');
  const platforms = await Promise.all(
    images.map(async (one) =>
      platformImage(source, one.digest, (await source.manifest(one.digest)).bytes, one),
    ),
  );
  return { ...about, platforms };
}

async function platformImage(
  source: ImageSource,
  digest: string,
  bytes: Buffer,
  named?: Descriptor,
): Promise<PlatformImage> {
  const { config, layers, mediaType } = parseAs(
    manifestSchema,
    bytes,
    `the manifest ${digest} of ${source.name}`,
  );
  const shown = `the configuration ${config.digest} of ${source.name}`;
  // An index names the platform of each; a manifest by itself only in its configuration.
  const platform = named?.platform ?? parseAs(configSchema, await source.blob(config), shown);
  return {
    platform: platformName(platform),
    descriptor: named ?? { mediaType: mediaType ?? '', digest, size: bytes.length },
    imageId: config.digest,
    layers,
    bytes: layers.reduce((sum, { size }) => sum + size, 0),
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
