import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, bytesText, code, table } from '@mlops/core';
import type { ImageRecord } from '@mlops/core/record';
import { parseReference } from '@mlops/oci';
import type { Job, Result } from './build.ts';
import { largestOf } from './image/budget.ts';
import type { ImageFacts } from './image/facts.ts';
import { type Naming, nameOf, tagOf } from './naming.ts';
import type { ActionContext } from './request.ts';

/** Outputs that are known before anything is built. */
export async function tellNaming(
  { names, references, tagNames, version, labels, annotations, json, bakeFiles }: Naming,
  { outputs, github }: Pick<ActionContext, 'outputs' | 'github'>,
): Promise<void> {
  const folder = await mkdtemp(join(github.temp, 'mlops-image-'));
  const bakeFile = join(folder, 'docker-metadata-action-bake.json');
  await writeFile(bakeFile, `${JSON.stringify(bakeFiles.all, null, 2)}\n`);
  const [first] = names.map(parseReference);
  Object.assign(outputs, {
    tags: references.join('\n'),
    tagNames: tagNames.join('\n'),
    imageNames: names.map((name) => parseReference(name).repository).join('\n'),
    registry: first?.registry ?? '',
    version: version ?? '',
    labels: lines(labels),
    annotations: annotations.join('\n'),
    json: JSON.stringify(json),
    bakeFile,
  });
}

/** Says everywhere what was built: outputs, run record, summary. */
export async function tellResult(
  job: Job,
  { built, facts, smoke }: Result,
  durationMs: number,
): Promise<void> {
  const { inputs, context, naming, source } = job;
  const { outputs, record, summary } = context;
  outputs.metadata = JSON.stringify(built.metadata);
  if (source.modelDigest) outputs.modelDigest = source.modelDigest;
  if (inputs.cacheTo.length || inputs.cache !== 'none')
    outputs.cacheExported = built.failedCaches.length === 0;
  for (const why of built.failedCaches)
    annotate('warning', `A cache could not be written, so the next build takes longer: ${why}`);
  if (!facts) return;
  tellFacts(facts, context);
  const [name] = naming.names;
  if (!inputs.push || name === undefined) return;
  outputs.image = `${name}@${facts.digest}`;
  for (const one of naming.names)
    record.images.push(
      imageRecord(one, facts, {
        tags: inputs.pushByDigest
          ? []
          : naming.references.filter((reference) => nameOf(reference) === nameOf(one)).map(tagOf),
        modelDigest: source.modelDigest ?? null,
        packageDigest: source.packageDigest ?? null,
        durationMs,
        attempts: built.attempts,
        smoke: (smoke?.results ?? []).map(({ differences: _, ...answer }) => answer),
      }),
    );
  summary.push(summaryOf(name, facts, inputs.pushByDigest ? [] : naming.references));
}

/** Digests and sizes of an image that was built or merged. */
export function tellFacts(facts: ImageFacts, { outputs }: Pick<ActionContext, 'outputs'>): void {
  const [only, another] = facts.platforms;
  Object.assign(outputs, {
    digest: facts.digest,
    imageId: only && !another ? only.imageId : '',
    platformDigests: JSON.stringify(
      Object.fromEntries(facts.platforms.map(({ platform, descriptor }) => [platform, descriptor.digest])),
    ),
    bytes: largestOf(facts)?.bytes ?? 0,
    layers: JSON.stringify(
      Object.fromEntries(facts.platforms.map(({ platform, layers }) => [platform, layers.map(layerFacts)])),
    ),
  });
}

export function imageRecord(
  name: string,
  { digest, mediaType, platforms }: ImageFacts,
  rest: Pick<ImageRecord, 'tags' | 'modelDigest' | 'packageDigest' | 'durationMs' | 'attempts'> &
    Partial<Pick<ImageRecord, 'smoke'>>,
): ImageRecord {
  return {
    ...{ name, digest, mediaType, attestations: [], smoke: [], ...rest },
    platforms: platforms.map(({ platform, descriptor, imageId, bytes, layers }) => ({
      ...{ platform, digest: descriptor.digest, imageId, bytes, layers: layers.map(layerFacts) },
    })),
  };
}

export function summaryOf(name: string, facts: ImageFacts, references: readonly string[]): string {
  const rows = facts.platforms.map(({ platform, descriptor, bytes, layers }) => [
    ...[platform, code(descriptor.digest), bytesText(bytes), String(layers.length)],
  ]);
  return [
    `### Image ${code(name)}`,
    `${code(`${name}@${facts.digest}`)}`,
    ...(references.length
      ? [`Tags: ${references.map((reference) => code(tagOf(reference))).join(', ')}`]
      : []),
    table(['Platform', 'Digest', 'Size', 'Layers'], rows),
  ].join('\n\n');
}

function layerFacts({ digest, size, mediaType }: { digest: string; size: number; mediaType: string }) {
  return { digest, bytes: size, mediaType };
}

function lines(record: Record<string, string>): string {
  return Object.entries(record)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n');
}
