import { annotate, UserError } from '@mlops/core';
import type { ImageRecord } from '@mlops/core/record';
import { recordSoFar } from '@mlops/core/run-so-far';
import { getManifest, mergeIndex, putManifest, type Repository } from '@mlops/oci';
import { confirmPush } from './image/confirm.ts';
import type { ImageFacts } from './image/facts.ts';
import { type Naming, nameImage, nameOf, repositoryOf, tagOf } from './naming.ts';
import type { ActionContext, Inputs } from './request.ts';
import { imageRecord, summaryOf, tellFacts, tellNaming } from './tell.ts';

/** Makes one image of the pushes by digest of several jobs, and gives it the tags. */
export async function merge(inputs: Inputs, context: ActionContext): Promise<void> {
  const started = Date.now();
  const { github, signal } = context;
  const pushed = await pushesOf(inputs, context);
  const modelDigest = only(pushed.map((one) => one.modelDigest));
  const naming = await nameImage(inputs, github, { modelDigest: modelDigest ?? undefined, env: process.env });
  if (naming.references.length === 0)
    throw new UserError('the merged image has no tag', {
      advice:
        "Name it and its tags: 'images: ghcr.io/acme/tumor' and, where the event gives none, 'tags: latest'.",
    });
  await tellNaming(naming, context);
  let facts: ImageFacts | undefined;
  for (const name of naming.names) {
    const repository = repositoryOf(name);
    const digests = digestsFor(inputs.digests, pushed, name);
    const references = naming.references.filter((reference) => nameOf(reference) === nameOf(name));
    const digest = await mergeInto(repository, digests, references.map(tagOf), naming, signal);
    const confirmed = await confirmPush(references, digest, signal);
    facts ??= confirmed;
    context.record.images.push(
      imageRecord(name, confirmed, {
        tags: references.map(tagOf),
        modelDigest: modelDigest ?? null,
        packageDigest: only(pushed.map((one) => one.packageDigest)) ?? null,
        durationMs: Date.now() - started,
        attempts: 1,
      }),
    );
  }
  const [name] = naming.names;
  if (!facts || name === undefined) return;
  tellFacts(facts, context);
  context.outputs.image = `${name}@${facts.digest}`;
  if (modelDigest) context.outputs.modelDigest = modelDigest;
  context.summary.push(summaryOf(name, facts, naming.references));
  await (await import('./attest.ts')).attestImages(
    inputs,
    context,
    context.record.images.slice(-naming.names.length),
  );
}

/** One push by itself keeps its digest, index or not; several become one index, attestations included. */
async function mergeInto(
  repository: Repository,
  digests: readonly string[],
  tags: readonly string[],
  { annotations }: Naming,
  signal: AbortSignal,
): Promise<string> {
  const [first = '', ...others] = digests;
  if (others.length === 0) {
    const { descriptor, bytes } = await getManifest(repository, first, { signal });
    const { mediaType } = descriptor;
    for (const target of tags) await putManifest(repository, { mediaType, bytes, target }, { signal });
    return first;
  }
  const named = Object.fromEntries(
    annotations.flatMap((line) => {
      const [, levels, name, value] = /^(?:([a-z,-]+):)?([^=]+)=(.*)$/s.exec(line) ?? [];
      return name !== undefined && (levels === undefined || /index/.test(levels))
        ? [[name, value ?? '']]
        : [];
    }),
  );
  const options = { signal, ...(Object.keys(named).length && { annotations: named }) };
  let digest = '';
  for (const tag of tags) digest = (await mergeIndex(repository, digests, tag, options)).descriptor.digest;
  return digest;
}

/** Pushes of other jobs of this run, as they recorded them. */
async function pushesOf(inputs: Inputs, context: ActionContext): Promise<ImageRecord[]> {
  const { jobs } = await recordSoFar(context);
  const images = jobs.flatMap((job) => job.images).filter(({ tags }) => tags.length === 0);
  if (inputs.digests.length > 0 || images.length > 0) return images;
  throw new UserError(
    "there is nothing to merge: no job of this run recorded a push by digest, and 'digests' is empty",
    {
      advice:
        "Build each platform with 'push-by-digest: true', end those jobs with the report action ('scope: job'), and have this one need them.",
    },
  );
}

function digestsFor(given: readonly string[], pushed: readonly ImageRecord[], name: string): string[] {
  const digests = given.length
    ? given
    : pushed.filter((one) => nameOf(one.name) === nameOf(name)).map(({ digest }) => digest);
  const wrong = digests.find((digest) => !/^sha256:[0-9a-f]{64}$/.test(digest));
  if (wrong !== undefined)
    throw new UserError(`'${wrong}' in 'digests' is no digest`, { advice: 'Write it as sha256:….' });
  if (digests.length === 0)
    throw new UserError(`no job of this run pushed ${name} by digest`, {
      advice: `Pushed were: ${[...new Set(pushed.map((one) => one.name))].join(', ') || 'none'}. The names have to be the same.`,
    });
  return [...new Set(digests)];
}

/** What all agree on. */
function only<T>(values: readonly (T | null)[]): T | undefined {
  const known = [...new Set(values.filter((value) => value !== null))];
  if (known.length > 1)
    annotate('warning', `The platforms were built from different models or packages: ${known.join(', ')}.`);
  return known.length === 1 ? (known[0] as T) : undefined;
}
