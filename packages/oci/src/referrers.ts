import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '@mlops/core';
import { type Descriptor, descriptorSchema, type ImageIndex, indexSchema, mediaTypes } from './descriptor.ts';
import { findManifest, type PushedManifest, parseAs, putManifest } from './manifests.ts';
import { pages } from './pages.ts';
import { nameOf, type Repository } from './registry.ts';

interface Options {
  signal?: AbortSignal | undefined;
}

/**
 * What refers to a manifest, such as signatures and bills of materials: from the registry's referrers API, or where it
 * has none (OCI distribution 1.1, "Unavailable Referrers API") from the index that clients keep under a tag.
 */
export async function listReferrers(
  repository: Repository,
  digest: string,
  { artifactType, signal }: Options & { artifactType?: string } = {},
): Promise<Descriptor[]> {
  const found =
    (await fromApi(repository, digest, artifactType, signal)) ??
    (await tagged(repository, digest, signal)).manifests;
  return artifactType === undefined ? found : found.filter((one) => one.artifactType === artifactType);
}

/**
 * Pushes a manifest that has a `subject`, so that it is found among the subject's referrers: a registry with the
 * referrers API says OCI-Subject, or at least lists it; elsewhere it is added to the index under the tag.
 */
export async function putReferrer(
  repository: Repository,
  manifest: { mediaType: string; bytes: Uint8Array; target?: string },
  options: Options = {},
): Promise<PushedManifest> {
  const pushed = await putManifest(repository, manifest, options);
  if (pushed.subjectNoted) return pushed;
  const { subject, ...content } = referrerOf(manifest);
  if (!subject) return pushed;
  const listed = await fromApi(repository, subject.digest, undefined, options.signal);
  if (listed?.some(({ digest }) => digest === pushed.descriptor.digest))
    return { ...pushed, subjectNoted: true };
  await addToTag(repository, subject.digest, { ...pushed.descriptor, ...content }, options);
  return pushed;
}

const referrerSchema = indexSchema.omit({ manifests: true }).extend({ config: descriptorSchema.optional() });

/** What a list of referrers says of a manifest ("Listing Referrers"): its type, which is its config's where it names none. */
function referrerOf({ bytes }: { bytes: Uint8Array }) {
  const {
    subject,
    annotations,
    config,
    artifactType = config?.mediaType,
  } = parseAs(referrerSchema, bytes, 'the manifest to push');
  return { subject, ...(artifactType && { artifactType }), ...(annotations && { annotations }) };
}

/** The tag under which clients keep the referrers of a digest. */
export function referrersTag(digest: string): string {
  const [algorithm = '', hex = ''] = digest.split(':');
  return `${algorithm.slice(0, 32)}-${hex.slice(0, 64)}`;
}

/** Undefined where the registry has no such API. */
async function fromApi(
  repository: Repository,
  digest: string,
  artifactType: string | undefined,
  signal: AbortSignal | undefined,
): Promise<Descriptor[] | undefined> {
  const query = artifactType === undefined ? '' : `?${new URLSearchParams({ artifactType })}`;
  const call = {
    what: `listing what refers to ${digest}`,
    path: `referrers/${digest}${query}`,
    accept: [200, 404],
    signal,
  };
  const found: Descriptor[] = [];
  for await (const { status, headers, body } of pages(repository, call)) {
    // A 200 of another type is of a proxy that answers everything.
    if (status === 404 || !headers['content-type']?.startsWith(mediaTypes.index)) return undefined;
    found.push(...parseAs(indexSchema, body, `the list of referrers of ${nameOf(repository)}`).manifests);
  }
  return found;
}

async function tagged(
  repository: Repository,
  digest: string,
  signal: AbortSignal | undefined,
): Promise<ImageIndex> {
  const tag = referrersTag(digest);
  const manifest = await findManifest(repository, tag, { signal });
  if (!manifest) return { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] };
  return parseAs(indexSchema, manifest.bytes, `the tag '${tag}' of ${nameOf(repository)}`);
}

const writes = 10;
/** Who adds to which tag in this process: one after the other. */
const adding = new Map<string, Promise<void>>();

async function addToTag(
  repository: Repository,
  subject: string,
  descriptor: Descriptor,
  options: Options,
): Promise<void> {
  const key = `${nameOf(repository)}:${referrersTag(subject)}`;
  const before = adding.get(key)?.catch(() => {});
  const added = Promise.resolve(before).then(() => addAlone(repository, subject, descriptor, options));
  adding.set(key, added);
  try {
    await added;
  } finally {
    if (adding.get(key) === added) adding.delete(key);
  }
}

/**
 * Registries cannot compare before they write: of two jobs that add to the tag at once, one may write over the other's.
 * So each looks again after a while whether its own is still there, and adds it again where it is not.
 */
async function addAlone(
  repository: Repository,
  subject: string,
  descriptor: Descriptor,
  { signal }: Options,
): Promise<void> {
  const { pauseMs } = repository.registry.patience;
  const target = referrersTag(subject);
  for (let count = 0; count < writes; count++) {
    const index = await tagged(repository, subject, signal);
    if (index.manifests.some(({ digest }) => digest === descriptor.digest)) return;
    const content = { ...index, mediaType: mediaTypes.index, manifests: [...index.manifests, descriptor] };
    const bytes = Buffer.from(JSON.stringify(content));
    await putManifest(repository, { mediaType: mediaTypes.index, bytes, target }, { signal });
    await sleep(pauseMs * (1 + Math.random()), undefined, { signal });
  }
  throw new UserError(`others keep writing over the tag '${target}' of ${nameOf(repository)}`, {
    advice:
      'Push what refers to one image from one job at a time, or use a registry with the referrers API of OCI 1.1.',
  });
}
