import { messageOf, UserError } from '@mlops/core';
import { type Hasher, leftBehind } from '@mlops/core/hash';
import type { InputDigest } from './key.ts';

/**
 * The content of every input that no stage writes, by path or pattern as declared. All of it is looked at before the
 * first stage runs, so that a missing file does not end a run hours later.
 */
export async function readInputFiles(
  folder: string,
  inputs: Iterable<{ stage: string; input: string }>,
  hasher: Hasher,
): Promise<Map<string, InputDigest[]>> {
  const digests = new Map<string, InputDigest[]>();
  for (const { stage, input } of inputs) {
    if (digests.has(input)) continue;
    const found = await hasher.paths(folder, [input], leftBehind).catch((error: unknown) => {
      if (!(error instanceof UserError)) throw error;
      throw new UserError(`stage '${stage}': inputs: ${messageOf(error)}`, {
        cause: error,
        advice:
          `${error.advice ?? ''} If another stage writes it, declare it among that stage's outputs.`.trim(),
      });
    });
    digests.set(
      input,
      found
        .filter(({ path }) => path === input || !path.split('/').some((name) => leftBehind.has(name)))
        .map(({ path, digest, bytes }) => ({ path, digest, bytes })),
    );
  }
  return digests;
}
