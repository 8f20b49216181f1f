import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join, relative, resolve, sep } from 'node:path';
import { type Context, type InputsOf, UserError } from '@mlops/core';
import type { action } from './action.ts';

/** What is built: the context of the build, and the model that is in it as far as that is known. */
export interface Source {
  /** A folder's absolute path, or the address of a git repository. */
  context: string;
  isFolder: boolean;
  /** Path of the model relative to the context, with `/`. */
  model: string | undefined;
  modelDigest: string | undefined;
  packageDigest: string | undefined;
}

type Given = Pick<InputsOf<typeof action>, 'context' | 'package' | 'artifact' | 'model'>;

/** Hands on what the inputs name; a package is unpacked, each file checked by its digest, and removed afterwards. */
export async function withSource<T>(
  inputs: Given,
  {
    workingDirectory,
    github,
    record,
    signal,
  }: Pick<Context, 'workingDirectory' | 'github' | 'record' | 'signal'>,
  use: (source: Source) => Promise<T>,
): Promise<T> {
  const { context, package: archive, artifact, model } = inputs;
  if (archive || artifact) {
    if (context)
      throw new UserError(`both a context ('${context}') and a package are named`, {
        advice: "Leave 'context' out: the files of the package are the context.",
      });
    return withUnpacked(inputs, { workingDirectory, temp: github.temp, signal }, use);
  }
  if (context && isRemote(context))
    return use({ context, isFolder: false, model, modelDigest: undefined, packageDigest: undefined });

  const folder = resolve(workingDirectory, context ?? '.');
  if (!existsSync(folder))
    throw new UserError(`the build context '${context}' does not exist in '${workingDirectory}'`, {
      advice: "Check the input 'context', and that the repository is checked out before this step.",
    });
  const trained = record.trainings.at(-1)?.model;
  const path = model ?? trained?.path;
  const isTrained =
    trained &&
    (model === undefined || resolve(workingDirectory, model) === resolve(workingDirectory, trained.path));
  return use({
    ...{ context: folder, isFolder: true, packageDigest: undefined },
    model: path === undefined ? undefined : below(folder, resolve(workingDirectory, path)),
    modelDigest: isTrained ? trained.digest : undefined,
  });
}

async function withUnpacked<T>(
  inputs: Given,
  where: { workingDirectory: string; temp: string; signal: AbortSignal },
  use: (source: Source) => Promise<T>,
): Promise<T> {
  const { openPackage, unpack, withPackage } = await import('@mlops/model-package');
  const folder = await mkdtemp(join(where.temp, 'mlops-context-'));
  try {
    return await withPackage(
      { package: inputs.package, artifact: inputs.artifact, ...where },
      async (path) => {
        const pack = await openPackage(path, where.signal);
        await unpack(pack, folder, where.signal);
        const { model } = pack.manifest;
        return use({
          ...{ context: folder, isFolder: true, packageDigest: pack.digest },
          ...{ model: inputs.model ?? model.path, modelDigest: model.digest },
        });
      },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** As buildx tells contexts apart: addresses, git's short form, and `-` for standard input, which is not taken here. */
export function isRemote(context: string): boolean {
  return (
    /^(?:https?|git|ssh):\/\//.test(context) || /^git@[^:]+:/.test(context) || /^github\.com\//.test(context)
  );
}

function below(folder: string, path: string): string | undefined {
  const found = relative(folder, path);
  return found === '..' || found.startsWith(`..${sep}`) ? undefined : found.split(sep).join('/');
}
