import { basename, dirname, join } from 'node:path';
import { annotate, type Context, code, type InputsOf, UserError } from '@mlops/core';
import { openHasher } from '@mlops/core/hash';
import { artifactStore, hasGitHubArtifacts } from '@mlops/core/store';
import type { action } from './action.ts';
import { writeArchive } from './archive.ts';
import { expand, inside } from './contents.ts';

export async function packageModel(
  inputs: InputsOf<typeof action>,
  context: Context<typeof action>,
): Promise<void> {
  const training = context.record.trainings.at(-1);
  const path = inputs.model ?? training?.model?.path;
  if (!path)
    throw new UserError(
      "there is no model to package: no 'train' with a model ran earlier in this job, and the input 'model' is not set",
      {
        advice: "Run the train action first, or name the model: 'model: model.joblib'.",
      },
    );
  const root = context.workingDirectory;
  const model = await modelAt(root, path, context.signal);
  const files = await expand(root, [model.path, ...inputs.include]);
  const name = inputs.name ?? `${training?.name ?? 'model'}-package`;
  const archive = join(context.github.temp, 'mlops', fileName(name));
  const { digest, bytes } = await writeArchive(root, files, { name, model }, archive, context.signal);
  context.outputs.packagePath = archive;
  context.outputs.packageDigest = digest;
  context.outputs.bytes = bytes;
  console.log(`Packed ${files.length} files into ${archive}: ${bytes} bytes, ${digest}`);

  const upload = inputs.upload && hasGitHubArtifacts(process.env);
  if (upload) {
    const { retentionDays, signal } = { ...inputs, ...context };
    await artifactStore({ retentionDays, signal }).save(name, dirname(archive), [basename(archive)]);
    context.outputs.artifactName = name;
  } else if (inputs.upload)
    annotate('notice', 'The package is not uploaded: this job has no artifact service.');
  context.record.packages.push({
    name,
    digest,
    bytes,
    files: files.length,
    artifact: upload ? name : null,
    modelDigest: model.digest,
  });
  context.summary.push(`### Package ${code(name)}\n\n${files.length} files, ${bytes} bytes, \`${digest}\``);
}

/** The model by its path and digest, as the training recorded it. */
async function modelAt(
  root: string,
  path: string,
  signal: AbortSignal,
): Promise<{ path: string; digest: string }> {
  const hasher = await openHasher({ signal });
  try {
    const [found, another] = await hasher.paths(root, [inside(root, path)]);
    if (found && !another) return { path: found.path, digest: found.digest };
    throw new UserError(`'${path}' names more than one model`, {
      advice: "Name one file or folder as 'model', and what else is needed in 'include'.",
    });
  } finally {
    await hasher.close();
  }
}

/** An artifact may have a name that no file can have. */
function fileName(name: string): string {
  return `${name.replace(/[^\w.-]+/g, '_')}.tar`;
}
