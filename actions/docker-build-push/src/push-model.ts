import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bytesText, UserError } from '@mlops/core';
import { connect, parseReference } from '@mlops/oci';
import { packAndPushModel } from '@mlops/oci/model';
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
  const folder = await folderOf(join(context, model));
  // What refers to an image has to lie in its repository.
  const isBeside = image.names.some((name) => nameOf(name) === nameOf(modelImage));
  const { digest: subjectDigest, mediaType, size } = image.facts ?? {};
  const subject =
    isBeside && subjectDigest && mediaType && size !== undefined
      ? { digest: subjectDigest, mediaType, size }
      : undefined;
  let told = 0;
  const pushed = await packAndPushModel(repository, folder, reference.tag ?? 'latest', {
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
  });
  const { digest } = pushed.descriptor;
  const name = `${reference.registry}/${reference.repository}`;
  const bytes = pushed.pack.files.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  outputs.modelReference = `${name}@${digest}`;
  record.modelArtifacts.push({
    ...{
      name,
      digest,
      tag: reference.tag ?? 'latest',
      bytes,
      sentBytes: pushed.sent,
      files: pushed.pack.files.length,
    },
  });
  summary.push(
    `### Model \`${name}\`\n\n\`${name}@${digest}\`, ${bytesText(bytes)} in ${pushed.pack.files.length} files, ${bytesText(pushed.sent)} sent`,
  );
}

/** A model may be one file; a Kitfile lies beside it. */
async function folderOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new UserError(`there is no model at '${path}'`, { advice: "Check the input 'model'." });
  return found.isDirectory() ? path : dirname(path);
}
