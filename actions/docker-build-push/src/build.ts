import { mkdtemp, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, milliseconds, UserError } from '@mlops/core';
import type { ImageRecord } from '@mlops/core/record';
import { buildArguments, imageOutput, layoutOutput } from './buildx/arguments.ts';
import { type Built, runBuild } from './buildx/build.ts';
import type { Builder } from './buildx/builder.ts';
import { prepareSecrets, type Secrets } from './buildx/secrets.ts';
import { chooseCompression, lastSize, refusesMediaType } from './compression.ts';
import { confirmPush } from './image/confirm.ts';
import { type ImageFacts, readFacts } from './image/facts.ts';
import { openLayout } from './image/layout.ts';
import { type Naming, nameImage } from './naming.ts';
import { openBuilder } from './open-builder.ts';
import { type Profile, profileOf } from './profile.ts';
import { prepareRecipe, type Recipe } from './recipe.ts';
import {
  type ActionContext,
  type Inputs,
  needsOf,
  platformsOf,
  refuseContradictions,
  requestOf,
  secretsOf,
  wantsSmoke,
} from './request.ts';
import { requireRoomFor } from './room.ts';
import type { SmokeReport } from './smoke/index.ts';
import { type Source, withSource } from './source.ts';
import { tellNaming, tellResult } from './tell.ts';

/** Builds an image, looks at it before it is pushed where that is asked for, pushes it, and says what it is. */
export async function build(inputs: Inputs, context: ActionContext): Promise<void> {
  refuseContradictions(inputs);
  const started = Date.now();
  await withSource(inputs, context, async (source) => {
    const { modelDigest } = source;
    const naming = await nameImage(inputs, context.github, { modelDigest, env: process.env });
    if (inputs.push && naming.names.length === 0 && inputs.call === 'build')
      throw new UserError('the image has no name to be pushed under', {
        advice: "Name it, such as 'images: ghcr.io/acme/tumor', or set 'push: false'.",
      });
    await tellNaming(naming, context);
    const recipe = await prepareRecipe(inputs, source, context);
    if (recipe.file) context.outputs.dockerfile = recipe.file;
    const folder = await mkdtemp(join(context.github.temp, 'mlops-build-'));
    let secrets: Secrets | undefined;
    try {
      secrets = await prepareSecrets(secretsOf(inputs, source), {
        ...{ env: process.env, workingDirectory: context.workingDirectory, temp: context.github.temp },
      });
      const before = context.record.images.length;
      const job = await prepareJob(inputs, context, { source, naming, recipe, secrets, folder });
      const result = await buildAndPush(job);
      await tellResult(job, result, Date.now() - started);
      await prove(job, result, context.record.images.slice(before));
    } finally {
      await secrets?.remove();
      await rm(folder, { recursive: true, force: true });
    }
  });
}

/** The model as an artifact of its own, and the proof of what was pushed; a push by digest is proven when it is merged. */
async function prove(
  { inputs, context, source, naming }: Job,
  { facts }: Result,
  pushed: readonly ImageRecord[],
): Promise<void> {
  if (inputs.call !== 'build') return;
  if (inputs.modelImage)
    await (await import('./push-model.ts')).pushModelImage(
      inputs,
      source,
      { names: naming.names, facts },
      context,
    );
  if (inputs.sign === 'none' || !inputs.push || inputs.pushByDigest) return;
  await (await import('./attest.ts')).attestImages(inputs, context, pushed);
}

/** All that a build is made of. */
export interface Job {
  inputs: Inputs;
  context: ActionContext;
  source: Source;
  naming: Naming;
  recipe: Recipe;
  secrets: Secrets;
  profile: Profile;
  builder: Builder;
  run: Omit<Parameters<typeof runBuild>[0], 'args'>;
  /** Whether the image is looked at before it is pushed. */
  isHeld: boolean;
  /** Holds the layout of an image that is looked at, and buildx's metadata. */
  folder: string;
  /** Bytes of the image that was pushed last, see lastSize. */
  lastBytes: number;
}

export interface Result {
  built: Built;
  /** Undefined where the image went nowhere that it could be read from. */
  facts: ImageFacts | undefined;
  smoke: SmokeReport | undefined;
}

async function prepareJob(
  inputs: Inputs,
  context: ActionContext,
  parts: Pick<Job, 'source' | 'naming' | 'recipe' | 'secrets' | 'folder'>,
): Promise<Job> {
  const { github, workingDirectory, signal } = context;
  const profile = profileOf(inputs.profile, { ...inputs, platforms: platformsOf(inputs) });
  const isHeld = inputs.call === 'build' && (wantsSmoke(inputs) || inputs.sizeBudget !== undefined);
  // A registry far away and a builder that starts are waited for at the same time.
  const [{ builder, buildx, env }, lastBytes] = await Promise.all([
    openBuilder(inputs, context, needsOf(inputs, isHeld)),
    lastSize(inputs.push ? parts.naming.references[0] : undefined, signal),
  ]);
  return {
    ...parts,
    ...{ inputs, context, profile, builder, isHeld, lastBytes },
    run: {
      ...{ buildx, env, workingDirectory, signal, workspace: github.workspace },
      dockerfile: parts.recipe.file,
      metadataFile: join(parts.folder, 'metadata.json'),
      attempts: inputs.attempts,
      timeoutMs: milliseconds(inputs.timeout),
    },
  };
}

async function buildAndPush(job: Job): Promise<Result> {
  const { inputs, source, recipe, profile, builder, isHeld, folder, context, lastBytes } = job;
  const output = isHeld ? folder : undefined;
  await requireRoomFor(inputs, context, { source, recipe, builder, image: lastBytes, output });
  const bytes = Math.max(await sizeOf(source), lastBytes);
  const chosen = chooseCompression(inputs.compression, profile.onlyGzip, bytes);
  try {
    return await buildWith(job, chosen);
  } catch (error) {
    const mayFallBack = inputs.compression === 'auto' && chosen !== 'gzip';
    if (!mayFallBack || !(error instanceof UserError) || !refusesMediaType(error.message)) throw error;
    annotate(
      'warning',
      `The registry does not take layers compressed with ${chosen}, so they are with gzip.`,
    );
    return buildWith(job, 'gzip');
  }
}

async function buildWith(job: Job, compression: string): Promise<Result> {
  const { inputs, naming, isHeld, folder } = job;
  const { compressionLevel, push, pushByDigest } = inputs;
  const layoutFolder = join(folder, 'layout');
  const outputs = [
    ...inputs.outputs,
    ...(isHeld
      ? [layoutOutput(layoutFolder, { compression, compressionLevel })]
      : push && inputs.call === 'build'
        ? [imageOutput({ names: naming.names, push, byDigest: pushByDigest, compression, compressionLevel })]
        : []),
  ];
  const args = buildArguments(requestOf(job, outputs));
  const built = await runBuild({ ...job.run, args });
  if (isHeld) {
    const layout = await openLayout(layoutFolder);
    const facts = await readFacts(layout, layout.root.digest);
    const { inspect } = await import('./inspect.ts');
    const smoke = await inspect(job, layout, facts);
    if (push) await (await import('./release.ts')).release(job, layout);
    return { built, facts: push ? await confirmed(job, facts.digest) : facts, smoke };
  }
  if (!push || inputs.call !== 'build') return { built, facts: undefined, smoke: undefined };
  return { built, facts: await confirmed(job, digestIn(built.metadata)), smoke: undefined };
}

function confirmed({ inputs, naming, context }: Job, digest: string | undefined): Promise<ImageFacts> {
  const references = inputs.pushByDigest
    ? naming.names.map((name) => `${name}@${digest}`)
    : naming.references;
  return confirmPush(digest ? references : [], digest, context.signal);
}

function digestIn(metadata: Record<string, unknown>): string | undefined {
  const digest = metadata['containerimage.digest'];
  return typeof digest === 'string' && digest ? digest : undefined;
}

async function sizeOf({ isFolder, context, model }: Source): Promise<number> {
  if (!isFolder || model === undefined) return 0;
  const found = await stat(join(context, model)).catch(() => undefined);
  return found?.isFile() ? found.size : 0;
}
