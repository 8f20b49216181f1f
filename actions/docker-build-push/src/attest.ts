import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, UserError } from '@mlops/core';
import type { ImageRecord } from '@mlops/core/record';
import { recordSoFar } from '@mlops/core/run-so-far';
import { repositoryOf } from './naming.ts';
import {
  chooseSigning,
  prove,
  readSource,
  resolveSubject,
  type Signing,
  type Source,
} from './proof/index.ts';
import type { ActionContext, Inputs } from './request.ts';

/** Attests what images that were pushed are made of, under each of their names, and notes it in their records. */
export async function attestImages(
  inputs: Inputs,
  context: ActionContext,
  images: readonly ImageRecord[],
): Promise<void> {
  if (inputs.sign === 'none' || images.length === 0) return;
  const signing = await signingFor(inputs, context);
  if (!signing) return;
  const { signal, outputs, github, summary } = context;
  const [record, source] = await Promise.all([recordSoFar(context), sourceOf(context)]);
  const folder = await mkdtemp(join(github.temp, 'mlops-proof-'));
  for (const image of images) {
    const subject = await resolveSubject(repositoryOf(image.name), image.digest, { signal });
    const { attestations, bills } = await prove(subject, {
      ...{ record, signing, source, signal, training: inputs.trainingName, cyclonedx: inputs.cyclonedx },
      builder: { id: github.runUrl ?? 'local' },
    });
    image.attestations.push(
      ...attestations.map(({ predicateType, digest, signed }) => ({ predicateType, digest, signed })),
    );
    for (const [name, bill] of bills) {
      const path = join(folder, `${name.replace(/\W+/g, '-')}.cdx.json`);
      await writeFile(path, JSON.stringify(bill, null, 1));
      if (name === 'model') outputs.mlBomPath = path;
      else outputs.sbomPath ??= path;
    }
    summary.push(
      `Attested and signed (${signing.how}):\n\n${attestations.map(({ predicateType, url }) => `- ${url ? `[${predicateType}](${url})` : predicateType}`).join('\n')}`,
    );
  }
  outputs.attestations = JSON.stringify(
    images.flatMap(({ name, attestations }) => attestations.map((one) => ({ name, ...one }))),
  );
}

/** The code in the working copy. One that git cannot read is said to be missing, and `verify` then finds none. */
async function sourceOf({ workingDirectory, signal }: ActionContext): Promise<Source | undefined> {
  return readSource(workingDirectory, { signal }).catch((error: unknown) => {
    if (signal.aborted || !(error instanceof UserError)) throw error;
    annotate('warning', `What is attested does not tell of the code: ${error.message}`);
    return undefined;
  });
}

/** With `auto` an image may go without signature: not every caller grants what that takes. */
async function signingFor(inputs: Inputs, { github, signal }: ActionContext): Promise<Signing | undefined> {
  const { sign: mode, githubToken: token, signingKey: key, signingKeyPassword: password } = inputs;
  try {
    return await chooseSigning({ mode, github, token, key, password, signal });
  } catch (error) {
    if (mode !== 'auto' || !(error instanceof UserError)) throw error;
    annotate('notice', `The image is not attested: ${error.message}. ${error.advice ?? ''}`);
    return undefined;
  }
}
