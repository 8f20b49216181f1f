import { UserError } from '@mlops/core';
import type * as z from 'zod';
import { type Descriptor, mediaTypes } from './descriptor.ts';
import { DigestError, digestOf, verify } from './digest.ts';
import { RegistryError } from './errors.ts';
import { nameOf, type Repository, request } from './registry.ts';

/** A manifest as the registry holds it, byte for byte. */
export interface StoredManifest {
  descriptor: Descriptor;
  bytes: Buffer;
}

interface Options {
  signal?: AbortSignal | undefined;
}

const accept = [
  mediaTypes.manifest,
  mediaTypes.index,
  mediaTypes.dockerManifest,
  mediaTypes.dockerIndex,
].join(', ');

/**
 * The manifest of a tag or a digest. Its bytes are checked against the digest that was asked for and the one that the
 * registry names.
 *
 * @throws DigestError when they differ
 */
export async function getManifest(
  repository: Repository,
  target: string,
  { signal }: Options = {},
): Promise<StoredManifest> {
  const what = `pulling the manifest '${target}'`;
  const answer = await request(repository, {
    ...{ what, method: 'GET', path: `manifests/${target}`, headers: { accept }, accept: [200], signal },
  });
  const { body: bytes } = answer;
  const named = answer.headers['docker-content-digest'] as string | undefined;
  const shown = `the manifest '${target}' of ${nameOf(repository)}`;
  if (isDigest(target)) verify(shown, bytes, target);
  if (named) verify(shown, bytes, named);
  const mediaType = mediaTypeOf(answer.headers['content-type'], bytes);
  const digest = isDigest(target) ? target : (named ?? digestOf(bytes));
  return { descriptor: { mediaType, digest, size: bytes.length }, bytes };
}

/** The same where there is one; undefined where the registry knows none. */
export async function findManifest(
  repository: Repository,
  target: string,
  options: Options = {},
): Promise<StoredManifest | undefined> {
  return getManifest(repository, target, options).catch((error: unknown) => {
    if (error instanceof RegistryError && error.status === 404) return undefined;
    throw error;
  });
}

/** What a tag or digest names, without fetching it where the registry tells; undefined where there is none. */
export async function headManifest(
  repository: Repository,
  target: string,
  { signal }: Options = {},
): Promise<Descriptor | undefined> {
  const what = `looking for the manifest '${target}'`;
  const answer = await request(repository, {
    ...{ what, method: 'HEAD', path: `manifests/${target}`, headers: { accept }, accept: [200, 404], signal },
  });
  if (answer.status === 404) return undefined;
  const {
    'docker-content-digest': digest,
    'content-length': size,
    'content-type': mediaType,
  } = answer.headers;
  if (typeof digest !== 'string' || !size || !mediaType)
    return (await findManifest(repository, target, { signal }))?.descriptor;
  if (isDigest(target) && digest !== target)
    throw new DigestError(`the manifest '${target}' of ${nameOf(repository)}`, target, digest);
  return { mediaType: mediaType.split(';')[0] as string, digest, size: Number(size) };
}

/** What the registry made of a manifest that was pushed. */
export interface PushedManifest {
  descriptor: Descriptor;
  /** Whether the registry itself lists it among the referrers of its `subject` (OCI-Subject). */
  subjectNoted: boolean;
}

/**
 * Pushes a manifest under a tag, or under its digest when `target` is undefined. What it refers to has to be there.
 *
 * @throws DigestError when the registry stored something else
 */
export async function putManifest(
  repository: Repository,
  { mediaType, bytes, target }: { mediaType: string; bytes: Uint8Array; target?: string | undefined },
  { signal }: Options = {},
): Promise<PushedManifest> {
  const digest = digestOf(bytes);
  const name = target ?? digest;
  if (isDigest(name)) verify('the manifest to push', bytes, name);
  const answer = await request(repository, {
    ...{ what: `pushing the manifest '${name}'`, method: 'PUT', path: `manifests/${name}`, writes: true },
    ...{ headers: { 'content-type': mediaType }, body: bytes, accept: [201, 202], signal },
  });
  const stored = answer.headers['docker-content-digest'];
  if (typeof stored === 'string' && stored !== digest && stored !== name)
    throw new DigestError(`what ${nameOf(repository)} stored as '${name}'`, digest, stored);
  return {
    descriptor: { mediaType, digest: isDigest(name) ? name : digest, size: bytes.byteLength },
    subjectNoted: answer.headers['oci-subject'] !== undefined,
  };
}

/** The bytes as JSON of a schema. */
export function parseAs<T>(schema: z.ZodType<T>, bytes: Uint8Array, shown: string): T {
  const parsed = schema.safeParse(jsonOf(bytes));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue?.path.length ? ` at '${issue.path.join('.')}'` : '';
  throw new UserError(`${shown} is not what its media type says${at}: ${issue?.message ?? 'no JSON'}`, {
    advice: 'Name an image or artifact of the OCI image specification.',
  });
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

export function isDigest(target: string): boolean {
  return target.includes(':');
}

/** A proxy may lose the header; manifests of OCI name their own type. */
function mediaTypeOf(header: string | undefined, bytes: Uint8Array): string {
  const [type = ''] = (header ?? '').split(';');
  const own = (jsonOf(bytes) as { mediaType?: unknown } | null | undefined)?.mediaType;
  return typeof own === 'string' ? own : type;
}
