import { existsSync } from 'node:fs';
import { copyFile, link, mkdtemp, realpath, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { bytesText, UserError } from '@mlops/core';
import { connect, parseReference } from '@mlops/oci';
import { type PackOptions, type PushModelOptions, packAndPushModel } from '@mlops/oci/model';
import type { ImageFacts } from './image/facts.ts';
import { nameOf } from './naming.ts';
import type { ActionContext, Inputs } from './request.ts';
import type { Source } from './source.ts';

/** Pushes the model as an artifact of its own, so that nodes mount it or pull it apart from the image. */
export async function pushModelImage(
  inputs: Inputs,
  { context, model, isFolder }: Source,
  image: { names: readonly string[]; facts: ImageFacts | undefined },
  { github, signal, outputs, record, summary }: ActionContext,
): Promise<void> {
  const { modelImage } = inputs;
  if (!modelImage) return;
  if (!isFolder || model === undefined)
    throw new UserError(`there is no model to push to '${modelImage}'`, {
      advice: "Name it with 'model', build from a 'package', or train earlier in the same job.",
    });
  const reference = parseReference(modelImage);
  const { repository } = connect(reference);
  // What refers to an image has to lie in its repository.
  const isBeside = inputs.push && image.names.some((name) => nameOf(name) === nameOf(modelImage));
  const { digest: subjectDigest, mediaType, size } = image.facts ?? {};
  const subject =
    isBeside && subjectDigest && mediaType && size !== undefined
      ? { digest: subjectDigest, mediaType, size }
      : undefined;
  let told = 0;
  const options: PushModelOptions & PackOptions = {
    signal,
    ...(subject && { subject }),
    facts: {
      descriptor: {
        ...(record.trainings[0] && { name: record.trainings[0].name }),
        ...(github.sha && { revision: github.sha }),
        ...(github.repository && { sourceURL: `${github.serverUrl}/${github.repository}` }),
      },
    },
    onProgress(done, total) {
      if (done - told < 256e6 && done < total) return;
      told = done;
      console.log(`Pushing the model: ${bytesText(done)} of ${bytesText(total)}`);
    },
  };
  const tag = reference.tag ?? 'latest';
  const pushed = await withFolder(join(context, model), github.temp, (folder) =>
    packAndPushModel(repository, folder, tag, options),
  );
  const { digest } = pushed.descriptor;
  const name = `${reference.registry}/${reference.repository}`;
  const bytes = pushed.pack.files.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  outputs.modelReference = `${name}@${digest}`;
  record.modelArtifacts.push({
    ...{
      name,
      digest,
      tag,
      bytes,
      sentBytes: pushed.sent,
      files: pushed.pack.files.length,
    },
  });
  summary.push(
    `### Model \`${name}\`\n\n\`${name}@${digest}\`, ${bytesText(bytes)} in ${pushed.pack.files.length} files, ${bytesText(pushed.sent)} sent`,
  );
}

/**
 * The folder to push: the model's own, or for a model of one file one that holds nothing else, since all sorts of things
 * may lie beside it. With a Kitfile beside it, that says what belongs to the model.
 */
async function withFolder<T>(path: string, temp: string, use: (folder: string) => Promise<T>): Promise<T> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new UserError(`there is no model at '${path}'`, { advice: "Check the input 'model'." });
  if (found.isDirectory()) return use(path);
  const beside = dirname(path);
  if (['Kitfile', 'kitfile', '.kitfile'].some((name) => existsSync(join(beside, name)))) return use(beside);
  const folder = await mkdtemp(join(temp, 'mlops-model-'));
  try {
    const target = join(folder, basename(path));
    // On another disk it has to be copied.
    await link(await realpath(path), target).catch(() => copyFile(path, target));
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
