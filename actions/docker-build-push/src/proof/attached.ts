import { UserError } from '@mlops/core';
import {
  bytesSource,
  type Descriptor,
  digestOf,
  getManifest,
  listReferrers,
  manifestSchema,
  mediaTypes,
  nameOf,
  type PushedManifest,
  parseAs,
  pushBlob,
  putReferrer,
  type Repository,
  readBlob,
} from '@mlops/oci';
import { bundleType } from './bundle.ts';

const annotations = {
  content: 'dev.sigstore.bundle.content',
  predicateType: 'dev.sigstore.bundle.predicateType',
} as const;

/** GitHub takes no larger predicates, and registries' owners expect none. */
const mostBytes = 16 * 1024 * 1024;

/** A bundle that refers to an image, as the registry holds it. */
export interface Attached {
  /** Of its manifest. */
  digest: string;
  /** Of the predicate inside, as whoever pushed it says. */
  predicateType: string | undefined;
  json: Buffer;
}

/**
 * Pushes a bundle so that it is found from its subject, in the form that cosign and GitHub's client look for
 * (github.com/sigstore/cosign, specs/BUNDLE_SPEC.md): the registry's referrers, or the tag that stands in for them.
 */
export async function attach(
  repository: Repository,
  subject: Descriptor,
  bundle: { json: Buffer; predicateType: string },
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<PushedManifest> {
  const config = Buffer.from('{}');
  const layer = { mediaType: bundleType, digest: digestOf(bundle.json), size: bundle.json.length };
  const empty = { mediaType: mediaTypes.empty, digest: digestOf(config), size: config.length };
  await pushBlob(repository, empty, bytesSource(config), { signal });
  await pushBlob(repository, layer, bytesSource(bundle.json), { signal });
  const { mediaType, digest, size } = subject;
  const manifest = {
    ...{ schemaVersion: 2, mediaType: mediaTypes.manifest, artifactType: bundleType, config: empty },
    layers: [layer],
    subject: { mediaType, digest, size },
    annotations: {
      [annotations.content]: 'dsse-envelope',
      [annotations.predicateType]: bundle.predicateType,
    },
  };
  return putReferrer(
    repository,
    { mediaType: mediaTypes.manifest, bytes: Buffer.from(JSON.stringify(manifest)) },
    { signal },
  );
}

/**
 * Every bundle that refers to a digest.
 *
 * @throws UserError where one that is listed cannot be read, or the registry cannot be reached
 */
export async function attachedTo(
  repository: Repository,
  digest: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Attached[]> {
  const listed = await listReferrers(repository, digest, { artifactType: bundleType, signal });
  const found: Attached[] = [];
  for (const one of listed) {
    const manifest = await getManifest(repository, one.digest, { signal });
    const shown = `the attestation ${one.digest} of ${nameOf(repository)}`;
    const { layers, subject, annotations: notes } = parseAs(manifestSchema, manifest.bytes, shown);
    const [layer] = layers;
    if (subject?.digest !== digest || layers.length !== 1 || layer?.mediaType !== bundleType)
      throw new UserError(`${shown} is listed, but is not one bundle about ${digest}`, {
        advice: 'Whoever can write to the registry has put it there; remove it.',
      });
    const json = await readBlob(repository, layer, { signal, limit: mostBytes });
    found.push({ digest: one.digest, predicateType: notes?.[annotations.predicateType], json });
  }
  return found;
}
