import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { type Descriptor, indexSchema, isIndexType, manifestSchema } from '@mlops/oci';
import * as z from 'zod';

const strings = z.array(z.string()).nullish();

/** What of an image's configuration matters to run it; other keys are kept. */
const imageSchema = z.looseObject({
  os: z.string(),
  architecture: z.string(),
  variant: z.string().optional(),
  config: z
    .looseObject({
      User: z.string().nullish(),
      Env: strings,
      Entrypoint: strings,
      Cmd: strings,
      WorkingDir: z.string().nullish(),
      ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
    })
    .nullish(),
});

export type ImageConfig = NonNullable<z.infer<typeof imageSchema>['config']>;

/** One image for one platform. */
export interface StoredImage {
  /** `linux/arm64` or, with a variant, `linux/arm/v7`. */
  platform: string;
  config: ImageConfig;
  /** Path of the configuration, which is JSON, and its digest. */
  configFile: string;
  configDigest: string;
  /** Paths of the layers, the lowest first, compressed or not. */
  layers: string[];
}

/**
 * The image for `platform` in a folder that `--output type=oci,tar=false` has written: an OCI image layout, with an
 * index where there are several platforms or attestations.
 *
 * @throws UserError where it has none for the platform
 */
export async function readImage(layout: string, platform: string): Promise<StoredImage> {
  const found: string[] = [];
  for await (const image of imagesIn(layout)) {
    if (matches(image.platform, platform)) return image;
    found.push(image.platform);
  }
  throw new UserError(
    `the image is for ${found.join(', ') || 'no platform'}, and can be started on ${platform} only`,
    {
      advice: "Test it on a machine of its platform, or set 'smoke-test: never'.",
    },
  );
}

/** As images name the platform of this machine. */
export function ownPlatform(arch: string = process.arch): string {
  const architectures: Record<string, string> = { x64: 'amd64', ia32: '386', arm: 'arm/v7' };
  return `linux/${architectures[arch] ?? arch}`;
}

/** `linux/arm64` and `linux/arm64/v8` are the same. */
function matches(has: string, wanted: string): boolean {
  const normal = (platform: string) => platform.replace(/^(linux\/arm64)\/v8$/, '$1');
  return normal(has) === normal(wanted);
}

async function* imagesIn(layout: string): AsyncGenerator<StoredImage> {
  const pending = indexSchema.parse(await readJson(join(layout, 'index.json'))).manifests;
  for (let next = pending.shift(); next; next = pending.shift()) {
    if (isAttestation(next)) continue;
    const content = await readJson(blobPath(layout, next.digest));
    if (isIndexType(next.mediaType)) pending.push(...indexSchema.parse(content).manifests);
    else yield await imageOf(layout, content);
  }
}

/** BuildKit keeps bills of materials and provenance beside the images, for a platform that does not exist. */
function isAttestation({ annotations }: Descriptor): boolean {
  return annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';
}

async function imageOf(layout: string, content: unknown): Promise<StoredImage> {
  const manifest = manifestSchema.parse(content);
  const configDigest = manifest.config.digest;
  const configFile = blobPath(layout, configDigest);
  const { os, architecture, variant, config } = imageSchema.parse(await readJson(configFile));
  return {
    platform: [os, architecture, ...(variant ? [variant] : [])].join('/'),
    config: config ?? {},
    configFile,
    configDigest,
    layers: manifest.layers.map(({ digest }) => blobPath(layout, digest)),
  };
}

function blobPath(layout: string, digest: string): string {
  return join(layout, 'blobs', ...digest.split(':'));
}

async function readJson(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'));
}
