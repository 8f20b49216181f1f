import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, milliseconds, UserError } from '@mlops/core';
import { bakeArguments } from './buildx/arguments.ts';
import { runBuild } from './buildx/build.ts';
import type { Need } from './buildx/builder.ts';
import { confirmPush } from './image/confirm.ts';
import type { ImageFacts } from './image/facts.ts';
import { nameImage, nameOf, tagOf } from './naming.ts';
import { openBuilder } from './open-builder.ts';
import type { ActionContext, Inputs } from './request.ts';
import { imageRecord, summaryOf, tellFacts, tellNaming } from './tell.ts';

/** Builds what the files for bake say; the image's tags and labels are there for targets that inherit them. */
export async function bake(inputs: Inputs, context: ActionContext): Promise<void> {
  refuseWhatBakeIgnores(inputs);
  const started = Date.now();
  const { github, workingDirectory, signal, outputs } = context;
  const naming = await nameImage(inputs, github, { modelDigest: undefined, env: process.env });
  await tellNaming(naming, context);
  const provenance = inputs.provenance ?? (inputs.load ? undefined : 'mode=min');
  const attests = [provenance, inputs.sbom];
  const needs: Need[] = attests.some((one) => one && one !== 'false') ? ['attestations'] : [];
  const { builder, buildx, env } = await openBuilder(inputs, context, needs);
  const folder = await mkdtemp(join(github.temp, 'mlops-bake-'));
  try {
    const metadataFile = join(folder, 'metadata.json');
    const args = bakeArguments({
      ...inputs,
      files: [...(naming.references.length ? [String(outputs.bakeFile)] : []), ...inputs.bakeFiles],
      targets: inputs.bakeTargets,
      set: inputs.bakeSet,
      attests: { sbom: inputs.sbom, provenance },
      builder: builder.name,
      metadataFile,
    });
    const built = await runBuild({
      ...{ buildx, args, env, workingDirectory, signal, metadataFile },
      workspace: github.workspace,
      dockerfile: undefined,
      attempts: inputs.attempts,
      timeoutMs: milliseconds(inputs.timeout),
    });
    outputs.metadata = JSON.stringify(built.metadata);
    for (const why of built.failedCaches) annotate('warning', `A cache could not be written: ${why}`);
    if (inputs.push && inputs.call === 'build') {
      const before = context.record.images.length;
      await tellTargets(built.metadata, context, Date.now() - started, built.attempts);
      if (inputs.sign !== 'none')
        await (await import('./attest.ts')).attestImages(
          inputs,
          context,
          context.record.images.slice(before),
        );
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * What only definitions can say. Nobody shall believe that an image was tried, or had a secret, when it was not.
 *
 * @throws UserError that names the first such input
 */
export function refuseWhatBakeIgnores(inputs: Inputs): void {
  const set: Record<string, boolean> = {
    ...{ context: !!inputs.context, package: !!inputs.package, artifact: !!inputs.artifact },
    ...{ file: !!inputs.file, target: !!inputs.target, serve: !!inputs.serve },
    ...{ 'build-args': inputs.buildArgs.length > 0, 'build-contexts': inputs.buildContexts.length > 0 },
    ...{ platforms: inputs.platforms.length > 0, outputs: inputs.outputs.length > 0 },
    'no-cache-filters': inputs.noCacheFilters.length > 0,
    ...{ 'cache-from': inputs.cacheFrom.length > 0, 'cache-to': inputs.cacheTo.length > 0 },
    ...{ cache: inputs.cache !== 'none', secrets: inputs.secrets.length > 0 },
    ...{ 'secret-envs': inputs.secretEnvs.length > 0, 'secret-files': inputs.secretFiles.length > 0 },
    ...{ ssh: inputs.ssh.length > 0, 'add-hosts': inputs.addHosts.length > 0, network: !!inputs.network },
    ...{ 'shm-size': !!inputs.shmSize, ulimit: inputs.ulimit.length > 0 },
    ...{ 'cgroup-parent': !!inputs.cgroupParent, attests: inputs.attests.length > 0 },
    ...{ 'push-by-digest': inputs.pushByDigest, profile: inputs.profile !== 'none' },
    ...{
      compression: inputs.compression !== 'auto',
      'compression-level': inputs.compressionLevel !== undefined,
    },
    ...{ 'size-budget': inputs.sizeBudget !== undefined, 'model-image': !!inputs.modelImage },
    ...{ smoke: inputs.smoke.length > 0, 'smoke-test': inputs.smokeTest === 'always' },
    ...{ lint: inputs.lint !== 'off', 'min-free': inputs.minFree !== undefined },
  };
  const ignored = Object.keys(set).filter((name) => set[name]);
  if (ignored.length === 0) return;
  throw new UserError(`bake does not take ${ignored.map((name) => `'${name}'`).join(', ')}`, {
    advice:
      "Say it in the definitions or with 'bake-set'; to try an image or limit its size, build it without 'bake-files'.",
  });
}

/** The metadata of bake has an entry for each target: name and digest of what it pushed. */
async function tellTargets(
  metadata: Record<string, unknown>,
  context: ActionContext,
  durationMs: number,
  attempts: number,
): Promise<void> {
  const targets = Object.entries(metadata).flatMap(([target, value]) => {
    const { 'image.name': names, 'containerimage.digest': digest } = (value ?? {}) as Record<string, unknown>;
    return typeof names === 'string' ? [{ target, references: names.split(','), digest }] : [];
  });
  if (targets.length === 0)
    throw new UserError('bake pushed nothing: none of its targets has a tag', {
      advice: "Give targets tags, have them inherit 'docker-metadata-action', or set 'push: false'.",
    });
  const confirmed = await Promise.allSettled(
    targets.map(({ references, digest }) =>
      confirmPush(references, typeof digest === 'string' ? digest : undefined, context.signal),
    ),
  );
  for (const [i, { references }] of targets.entries()) {
    const found = confirmed[i] as PromiseSettledResult<ImageFacts>;
    if (found.status === 'rejected') throw found.reason;
    const facts = found.value;
    for (const name of new Set(references.map(nameOf)))
      context.record.images.push(
        imageRecord(name, facts, {
          tags: references.filter((reference) => nameOf(reference) === name).map(tagOf),
          ...{ modelDigest: null, packageDigest: null, durationMs, attempts },
        }),
      );
    const [name = ''] = references.map(nameOf);
    context.summary.push(summaryOf(name, facts, references));
    // What stands for the whole is only clear where there is one.
    if (targets.length > 1) continue;
    tellFacts(facts, context);
    context.outputs.image = `${name}@${facts.digest}`;
  }
}
