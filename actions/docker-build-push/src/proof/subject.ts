import {
  type Descriptor,
  getManifest,
  indexSchema,
  isIndexType,
  nameOf,
  parseAs,
  type Repository,
} from '@mlops/oci';

/** What is attested: an image, an index of images, or a model artifact, with the digests that all name it. */
export interface Subject {
  repository: Repository;
  /** `host/repository` */
  name: string;
  descriptor: Descriptor;
  bytes: Buffer;
  /** Of an index, the images in it, without the attestations that BuildKit puts there too. */
  platforms: Descriptor[];
  /** BuildKit's attestations in the index. */
  attestations: Descriptor[];
}

/**
 * What a tag or digest of a repository names at this moment.
 *
 * @throws UserError where there is none, or the registry cannot be reached
 */
export async function resolveSubject(
  repository: Repository,
  target: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Subject> {
  const { descriptor, bytes } = await getManifest(repository, target, { signal });
  const subject = { repository, name: nameOf(repository), descriptor, bytes };
  if (!isIndexType(descriptor.mediaType)) return { ...subject, platforms: [], attestations: [] };
  const { manifests } = parseAs(indexSchema, bytes, `the index '${target}' of ${subject.name}`);
  return {
    ...subject,
    platforms: manifests.filter((one) => !isAttestation(one) && one.platform?.os !== 'unknown'),
    attestations: manifests.filter(isAttestation),
  };
}

/** BuildKit, docs/attestations/attestation-storage.md. */
export function isAttestation({ annotations }: Pick<Descriptor, 'annotations'>): boolean {
  return annotations?.['vnd.docker.reference.type'] === 'attestation-manifest';
}

/** `linux/arm64/v8` */
export function platformName({ platform }: Descriptor): string {
  return [platform?.os, platform?.architecture, platform?.variant].filter(Boolean).join('/');
}
