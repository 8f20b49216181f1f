import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf, UserError } from '@mlops/core';
import { type Descriptor, hasBlob, manifestSchema, parseAs, pullBlob, readBlob } from '@mlops/oci';
import type { Checks } from './checks.ts';
import type { Training } from './predicate.ts';
import { platformName, resolveSubject, type Subject } from './subject.ts';
import { type TreeEntry, treeDigest } from './tree-digest.ts';

interface Options {
  /** Whether layers are pulled. */
  layers?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** That the registry has all of an image, each part with the bytes of its digest as far as it is read. */
export async function checkContent(subject: Subject, checks: Checks, options: Options): Promise<void> {
  const { repository, platforms, descriptor } = subject;
  for (const one of platforms.length ? platforms : [descriptor]) {
    const what = `content${platforms.length ? ` for ${platformName(one)}` : ''}`;
    await checks.attempt(what, one.digest, async () => {
      const { bytes } = platforms.length ? await resolveSubject(repository, one.digest, options) : subject;
      const { config, layers } = parseAs(manifestSchema, bytes, `the manifest ${one.digest}`);
      await readBlob(repository, config, { signal: options.signal });
      const problems: string[] = [];
      for (const layer of layers) problems.push(...(await problemsOf(subject, layer, options)));
      const whole = options.layers ? 'the bytes of their digests' : 'all there';
      checks.add(
        what,
        `${layers.length} ${layers.length === 1 ? 'layer' : 'layers'}, ${whole}`,
        problems.join('; ') || whole,
        problems.length === 0,
      );
    });
  }
}

async function problemsOf(
  { repository }: Subject,
  layer: Descriptor,
  { layers, signal }: Options,
): Promise<string[]> {
  if (!layers) return (await hasBlob(repository, layer, { signal })) ? [] : [`${layer.digest} is missing`];
  const folder = await mkdtemp(join(tmpdir(), 'mlops-layer-'));
  try {
    await pullBlob(repository, layer, join(folder, 'layer'), { signal });
    return [];
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [messageOf(error)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Of the CNCF model specification: the path of the file that a layer is. */
const filepath = 'org.cncf.model.filepath';

/**
 * A model artifact has a layer for each file of the model, so its digests alone tell whether it is the one that the
 * statement names. An artifact that holds more than that, or the model under another name, is not judged here.
 */
export function checkModelFiles({ bytes }: Subject, { trainings }: Training, checks: Checks): void {
  const manifest = manifestSchema.safeParse(JSON.parse(bytes.toString()));
  const files = (manifest.data?.layers ?? []).flatMap(({ digest, annotations }) => {
    const path = annotations?.[filepath];
    return path === undefined ? [] : [{ kind: 'file' as const, path, digest }];
  });
  if (files.length === 0) return;
  for (const { model } of trainings) {
    if (!model) continue;
    const name = model.path.slice(model.path.lastIndexOf('/') + 1);
    const found =
      files.find(({ path }) => path === model.path || path === name)?.digest ??
      [treeDigest(files), treeDigest(below(files, model.path)), treeDigest(below(files, name))].find(
        (digest) => digest === model.digest,
      );
    if (found !== undefined) checks.same(`model ${model.path} in the artifact`, model.digest, found);
  }
}

function below(files: readonly TreeEntry[], folder: string): TreeEntry[] {
  return files
    .filter(({ path }) => path.startsWith(`${folder}/`))
    .map((one) => ({ ...one, path: one.path.slice(folder.length + 1) }));
}
