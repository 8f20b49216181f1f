import { relative, resolve, sep } from 'node:path';
import { bytesText, code, UserError } from '@mlops/core';
import { connect, nameOf, parseReference } from '@mlops/oci';
import { pullModel } from '@mlops/oci/model';
import type { ActionContext, Inputs } from './request.ts';

/** Pulls a model that was pushed as an artifact; every file is checked by its digest. */
export async function pull(
  { reference, model }: Inputs,
  { workingDirectory, signal, outputs, summary }: ActionContext,
): Promise<void> {
  if (!reference)
    throw new UserError('there is nothing to pull', {
      advice: "Name the model artifact: 'reference: ghcr.io/acme/tumor-model@sha256:…'.",
    });
  const folder = resolve(workingDirectory, model ?? 'model');
  const below = relative(workingDirectory, folder);
  if (below === '..' || below.startsWith(`..${sep}`))
    throw new UserError(`the folder '${model}' to pull to is outside the working directory`, {
      advice: "Name one below it with 'model'.",
    });
  const { repository, target } = connect(parseReference(reference));
  let told = 0;
  const pulled = await pullModel(repository, target, folder, {
    signal,
    onProgress(done, total) {
      if (done - told < 256e6 && done < total) return;
      told = done;
      console.log(`Pulling the model: ${bytesText(done)} of ${bytesText(total)}`);
    },
  });
  const { digest } = pulled.descriptor;
  outputs.modelReference = `${nameOf(repository)}@${digest}`;
  outputs.modelPath = folder;
  summary.push(
    `### Model ${code(nameOf(repository))}\n\n${code(digest)}, ${pulled.files.length} files, ${bytesText(pulled.received)} fetched`,
  );
}
