import { dirname, join } from 'node:path';
import { annotate, type Context, type InputsOf, UserError } from '@mlops/core';
import { openHasher } from '@mlops/core/hash';
import { artifactStore, hasGitHubArtifacts } from '@mlops/core/store';
import type { action } from './action.ts';
import { writeArchive } from './archive.ts';
import { expand } from './contents.ts';

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
  const files = await expand(root, [path, ...inputs.include]);
  const name = inputs.name ?? `${training?.name ?? 'model'}-package`;
  const model = { path, digest: await digestOf(root, path) };
  const archive = join(context.github.temp, 'mlops', `${name}.tar`);
  const { digest, bytes } = await writeArchive(root, files, { name, model }, archive, context.signal);
  context.outputs.packagePath = archive;
  context.outputs.packageDigest = digest;
  context.outputs.bytes = bytes;
  console.log(`Packed ${files.length} files into ${archive}: ${bytes} bytes, ${digest}`);

  const upload = inputs.upload && hasGitHubArtifacts(process.env);
  if (upload) {
    const { retentionDays, signal } = { ...inputs, ...context };
    await artifactStore({ retentionDays, signal }).save(name, dirname(archive), [`${name}.tar`]);
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
  context.summary.push(`### Package \`${name}\`\n\n${files.length} files, ${bytes} bytes, \`${digest}\``);
}

async function digestOf(root: string, path: string): Promise<string> {
  const hasher = await openHasher();
  try {
    const [found] = await hasher.paths(root, [path]);
    return found?.digest ?? '';
  } finally {
    await hasher.close();
  }
}
