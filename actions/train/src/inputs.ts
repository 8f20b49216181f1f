import { messageOf, UserError } from '@mlops/core';
import type { Hasher } from '@mlops/core/hash';
import type { InputDigest } from './key.ts';

/** What tools leave behind in folders of code, and what would make a folder differ each time it is used. */
const ignored = new Set([
  '.git',
  '.DS_Store',
  '.ipynb_checkpoints',
  '.mlops',
  '.mypy_cache',
  '.pytest_cache',
  '.ruff_cache',
  '.venv',
  '__pycache__',
]);

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
    const found = await hasher.paths(folder, [input], ignored).catch((error: unknown) => {
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
        .filter(({ path }) => path === input || !path.split('/').some((name) => ignored.has(name)))
        .map(({ path, digest, bytes }) => ({ path, digest, bytes })),
    );
  }
  return digests;
}
