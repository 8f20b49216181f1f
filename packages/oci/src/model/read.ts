import { UserError } from '@mlops/core';
import { type Descriptor, manifestSchema } from '../descriptor.ts';
import { readBlob } from '../download.ts';
import { getManifest, parseAs } from '../manifests.ts';
import { nameOf, type Repository } from '../registry.ts';
import { type ModelConfig, modelConfigSchema } from './config.ts';
import { annotations, artifactType, configType, type Form, type Kind, readLayerType } from './kinds.ts';
import { checkPaths } from './paths.ts';

export interface StoredFile {
  path: string;
  kind: Kind;
  descriptor: Descriptor;
}

/** What a registry says of a model, checked against the specification. */
export interface StoredModel {
  descriptor: Descriptor;
  config: ModelConfig;
  files: StoredFile[];
}

/**
 * Reads a model's manifest and configuration.
 *
 * @throws UserError when it is none, or has layers that are archives or no files that can be written side by side
 */
export async function readModel(
  repository: Repository,
  target: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<StoredModel> {
  const shown = `'${target}' of ${nameOf(repository)}`;
  const { descriptor, bytes } = await getManifest(repository, target, { signal });
  const manifest = parseAs(manifestSchema, bytes, `the manifest ${shown}`);
  if (manifest.artifactType !== artifactType && manifest.config.mediaType !== configType)
    throw new UserError(
      `${shown} is no model: it is of type ${manifest.artifactType ?? manifest.config.mediaType}`,
      {
        advice: 'Name an artifact of the CNCF model specification, as pushModel, modctl and kit make.',
      },
    );
  const config = parseAs(
    modelConfigSchema,
    await readBlob(repository, manifest.config, { signal }),
    `the configuration of ${shown}`,
  );
  const files = manifest.layers.map((layer) => fileOf(layer, shown));
  checkPaths(
    files.map(({ path }) => path),
    shown,
  );
  const { diffIds } = config.modelfs;
  if (diffIds.length !== files.length || files.some(({ descriptor: { digest } }, i) => digest !== diffIds[i]))
    throw new UserError(
      `${shown} contradicts itself: its configuration lists other files than its manifest`,
      {
        advice: 'Push the model again.',
      },
    );
  return { descriptor: { ...descriptor, artifactType }, config, files };
}

function fileOf(layer: Descriptor, shown: string): StoredFile {
  const type: { kind: Kind; form: Form } | undefined = readLayerType(layer.mediaType);
  const path = layer.annotations?.[annotations.filepath];
  if (type?.form === 'raw' && path !== undefined) return { path, kind: type.kind, descriptor: layer };
  const problem =
    path === undefined ? `has no annotation ${annotations.filepath}` : `is of type ${layer.mediaType}`;
  throw new UserError(`the layer ${layer.digest} of ${shown} ${problem}`, {
    advice:
      'Only models with one layer a file, unpacked, can be read: push it so, with modctl by its option --raw.',
  });
}
