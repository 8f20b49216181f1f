import { type Context, type InputsOf, UserError } from '@mlops/core';
import type { action } from './action.ts';
import type { Job } from './build.ts';
import { type BuildRequest, tolerant } from './buildx/arguments.ts';
import { attestationsOf } from './buildx/attestations.ts';
import { parseAttributes, unquoted } from './buildx/attributes.ts';
import type { Need } from './buildx/builder.ts';
import { isRemote, type Source } from './source.ts';

/** What the inputs ask for, in the terms of buildx. */

export type Inputs = InputsOf<typeof action>;
export type ActionContext = Context<typeof action>;

/** The build as buildx is told of it. */
export function requestOf(job: Job, outputs: readonly string[]): BuildRequest {
  const { inputs, context, source, naming, recipe, secrets, builder, profile, run } = job;
  const payload = context.github.payload as { repository?: { private?: boolean } };
  const { runUrl, runAttempt } = context.github;
  // An image that is pushed by digest has no tags, and `--tag` would give it one.
  const isTagged = !inputs.pushByDigest;
  return {
    ...inputs,
    buildArgs: unquoted('build-args', inputs.buildArgs),
    buildContexts: unquoted('build-contexts', inputs.buildContexts),
    ...{ context: source.context, file: recipe.file, platforms: platformsOf(inputs), outputs },
    tags: isTagged ? naming.references : [],
    labels: Object.entries(naming.labels).map(([name, value]) => `${name}=${value}`),
    annotations: profile.isSingleManifest ? [] : naming.annotations,
    ...cachesOf(job),
    secretArgs: secrets.args,
    attests: attestationsFor(inputs, {
      isPrivate: payload.repository?.private ?? true,
      runUrl: runUrl && `${runUrl}/attempts/${runAttempt}`,
    }),
    builder: builder.name,
    metadataFile: run.metadataFile,
  };
}

function cachesOf({ inputs, naming }: Job): { cacheFrom: string[]; cacheTo: string[] } {
  const { cache, cacheFrom, cacheTo, push } = inputs;
  const [name] = naming.names;
  // Each platform has a cache of its own: the last one that is written would be the only one.
  const platform = platformsOf(inputs).join('-').replace(/\W+/g, '-');
  const suffix = platform && `-${platform}`;
  const shared =
    cache === 'registry' && name
      ? {
          from: `type=registry,ref=${name}:buildcache${suffix}`,
          to: ',mode=max,image-manifest=true,oci-mediatypes=true',
        }
      : cache === 'gha'
        ? { from: `type=gha,scope=${name ?? 'image'}${suffix}`, to: ',mode=max' }
        : undefined;
  // Who may not push the image may not write beside it either; GitHub keeps apart what a pull request writes.
  const writes = shared && (cache === 'gha' || push);
  return {
    cacheFrom: [...cacheFrom, ...(shared ? [shared.from] : [])],
    cacheTo: [...cacheTo, ...(writes ? [shared.from + shared.to] : [])].map(tolerant),
  };
}

function attestationsFor(
  inputs: Inputs,
  about: { isPrivate: boolean; runUrl: string | undefined },
): string[] {
  const { call, profile, push, load, outputs } = inputs;
  return attestationsOf({
    ...inputs,
    ...about,
    canHold: call === 'build' && profile === 'none',
    byDefault: (push || outputs.length > 0) && !load,
  });
}

/** What the builder has to be able to do. */
export function needsOf(inputs: Inputs, isHeld: boolean): Need[] {
  const { cache, cacheTo, outputs, compression, pushByDigest } = inputs;
  const attests = attestationsFor(inputs, { isPrivate: true, runUrl: undefined });
  const needs: Record<Need, boolean> = {
    'several platforms': platformsOf(inputs).length > 1,
    attestations: attests.some((attest) => parseAttributes(attest).get('disabled') !== 'true'),
    'this compression': !['auto', 'gzip'].includes(compression),
    'caches elsewhere': cache !== 'none' || cacheTo.some((one) => !one.includes('inline')),
    'image layouts': isHeld || outputs.some((one) => parseAttributes(one).get('type') === 'oci'),
    'pushes by digest': pushByDigest,
  };
  return (Object.keys(needs) as Need[]).filter((need) => needs[need]);
}

/** The build's secrets. Contexts that are private repositories are fetched with the token of the run. */
export function secretsOf(inputs: Inputs, { context, isFolder }: Source) {
  const { secrets: values, secretEnvs: envs, secretFiles: files, githubToken } = inputs;
  const isOnGitHub = !isFolder && isRemote(context) && /github\.com/.test(context);
  const isGiven = [...values, ...envs, ...files].some((line) => line.startsWith('GIT_AUTH_TOKEN'));
  const token = isOnGitHub && !isGiven && githubToken ? [`GIT_AUTH_TOKEN=${githubToken}`] : [];
  return { values: [...values, ...token], envs, files };
}

/** One a line, or several on a line as docker/build-push-action takes them. */
export function platformsOf({ platforms }: Pick<Inputs, 'platforms'>): string[] {
  return platforms
    .flatMap((line) => line.split(','))
    .map((platform) => platform.trim())
    .filter(Boolean);
}

/** Whether the image is started before it is pushed. */
export function wantsSmoke({ smokeTest, smoke }: Inputs): boolean {
  return smokeTest === 'always' || (smokeTest === 'auto' && smoke.length > 0);
}

/** @throws UserError for inputs that exclude each other */
export function refuseContradictions(inputs: Inputs): void {
  if (inputs.pushByDigest && !inputs.push)
    throw new UserError("'push-by-digest' is set, but 'push' is false", { advice: 'Remove one of them.' });
  if (inputs.load && platformsOf(inputs).length > 1)
    throw new UserError(`'load' takes one platform, not ${platformsOf(inputs).join(' and ')}`, {
      advice: "Docker's own store holds one: leave 'platforms' or 'load' out.",
    });
}
