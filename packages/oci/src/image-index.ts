import { UserError } from '@mlops/core';
import * as z from 'zod';
import {
  type Descriptor,
  type ImageIndex,
  indexSchema,
  isIndexType,
  manifestSchema,
  mediaTypes,
} from './descriptor.ts';
import { readBlob } from './download.ts';
import { getManifest, type PushedManifest, parseAs, putManifest } from './manifests.ts';
import { putReferrer } from './referrers.ts';
import { nameOf, type Repository } from './registry.ts';

export interface IndexOptions {
  annotations?: Record<string, string>;
  artifactType?: string;
  subject?: Descriptor;
}

/** The bytes of an index of these manifests, in their order; the same for the same input. */
export function buildIndex(manifests: readonly Descriptor[], options: IndexOptions = {}): Buffer {
  const { annotations, artifactType, subject } = options;
  const index: ImageIndex = {
    ...{ schemaVersion: 2, mediaType: mediaTypes.index, ...(artifactType && { artifactType }) },
    ...{ manifests: [...manifests], ...(subject && { subject }), ...(annotations && { annotations }) },
  };
  return Buffer.from(JSON.stringify(index));
}

/**
 * Makes one index of several pushes to the same repository, such as those of jobs that each built for one platform and
 * pushed by digest, and pushes it under `target`. An index among them counts as the manifests in it, attestations
 * included; a single image by the platform that its configuration names.
 *
 * @throws UserError when two are for the same platform
 */
export async function mergeIndex(
  repository: Repository,
  pushes: readonly string[],
  target: string | undefined,
  { signal, ...options }: IndexOptions & { signal?: AbortSignal | undefined } = {},
): Promise<PushedManifest> {
  const found = (await Promise.all(pushes.map((push) => imagesOf(repository, push, signal)))).flat();
  const manifests = [...new Map(found.map((one) => [one.digest, one])).values()];
  const platforms = new Map<string, Descriptor>();
  for (const manifest of manifests) {
    const platform = platformOf(manifest);
    if (platform === undefined) continue;
    const other = platforms.get(platform);
    if (other)
      throw new UserError(
        `two images of ${nameOf(repository)} are for ${platform}: ${other.digest} and ${manifest.digest}`,
        { advice: 'Merge one push for each platform.' },
      );
    platforms.set(platform, manifest);
  }
  const bytes = buildIndex(manifests, options);
  const put = options.subject ? putReferrer : putManifest;
  return put(
    repository,
    { mediaType: mediaTypes.index, bytes, ...(target !== undefined && { target }) },
    { signal },
  );
}

async function imagesOf(
  repository: Repository,
  push: string,
  signal: AbortSignal | undefined,
): Promise<Descriptor[]> {
  const { descriptor, bytes } = await getManifest(repository, push, { signal });
  const shown = `the manifest '${push}' of ${nameOf(repository)}`;
  if (isIndexType(descriptor.mediaType)) return parseAs(indexSchema, bytes, shown).manifests;
  const { config, artifactType } = parseAs(manifestSchema, bytes, shown);
  const platform = await readPlatform(repository, config, signal);
  return [{ ...descriptor, ...(artifactType && { artifactType }), ...(platform && { platform }) }];
}

const configSchema = z.looseObject({
  architecture: z.string(),
  os: z.string(),
  variant: z.string().optional(),
  'os.version': z.string().optional(),
});
const imageConfigs = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

async function readPlatform(
  repository: Repository,
  config: Descriptor,
  signal: AbortSignal | undefined,
): Promise<Descriptor['platform']> {
  if (!imageConfigs.includes(config.mediaType)) return undefined;
  const bytes = await readBlob(repository, config, { signal });
  const {
    architecture,
    os,
    variant,
    'os.version': version,
  } = parseAs(configSchema, bytes, `the configuration ${config.digest} of ${nameOf(repository)}`);
  return { architecture, os, ...(version && { 'os.version': version }), ...(variant && { variant }) };
}

/** `linux/arm64/v8`; undefined of what is for no platform, as attestations are. */
function platformOf({ platform }: Descriptor): string | undefined {
  if (!platform || platform.os === 'unknown') return undefined;
  const { os, architecture, variant, 'os.version': version } = platform;
  return [os, architecture, variant, version].filter(Boolean).join('/');
}
