import { existsSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { annotate, type Context, group, type InputsOf, UserError } from '@mlops/core';
import type { action } from './action.ts';
import type { Source } from './source.ts';

/** The Dockerfile of a build. */
export interface Recipe {
  /** Absolute path, or for a remote context as the user wrote it; undefined leaves it to buildx. */
  file: string | undefined;
  /** Whether it was written for this build. */
  isWritten: boolean;
}

type Inputs = InputsOf<typeof action>;
type Where = Pick<Context, 'workingDirectory' | 'github' | 'signal' | 'project' | 'record'>;

/** Finds the Dockerfile, or writes one; prints and checks it where that is wanted. */
export async function prepareRecipe(inputs: Inputs, source: Source, where: Where): Promise<Recipe> {
  if (!source.isFolder) return { file: inputs.file, isWritten: false };
  const found = findFile(inputs.file, source, where.workingDirectory);
  if (!found && !inputs.serve)
    throw new UserError(`there is no Dockerfile in '${source.context}'`, {
      advice:
        "Add one, name it with 'file', or have one written: 'serve: python serve.py' says what the image is to do.",
    });
  const recipe = found ? { file: found, isWritten: false } : await write(inputs, source, where);
  const text = await readFile(recipe.file, 'utf8');
  if (inputs.printDockerfile || recipe.isWritten)
    await group(
      recipe.isWritten ? 'The Dockerfile that was written' : `Dockerfile ${recipe.file}`,
      async () => console.log(text),
    );
  if (inputs.lint !== 'off') await lint(inputs, recipe, text, where);
  return recipe;
}

function findFile(
  given: string | undefined,
  { context }: Source,
  workingDirectory: string,
): string | undefined {
  if (given) {
    // That of the checkout, also where a package is the context, which may bring one along.
    const candidates = isAbsolute(given) ? [given] : [resolve(workingDirectory, given), join(context, given)];
    const file = candidates.find((path) => existsSync(path));
    if (file) return file;
    throw new UserError(`there is no Dockerfile '${given}'`, {
      advice: `It was looked for at ${candidates.join(' and ')}. Check the input 'file'.`,
    });
  }
  // https://docs.docker.com/build/concepts/dockerfile/#filename
  return ['Dockerfile', 'dockerfile', 'Containerfile'].map((name) => join(context, name)).find(existsSync);
}

async function write(
  inputs: Inputs,
  { context, model, packageDigest }: Source,
  where: Where,
): Promise<{ file: string; isWritten: true }> {
  const { generateDockerfile } = await import('./dockerfile/generate.ts');
  const { serve = '', port, healthPath, pythonVersion, cuda, base, systemPackages, include } = inputs;
  const { dockerfile, dockerignore, because } = await generateDockerfile({
    ...{ root: context, serve, port, healthPath, cuda, base, systemPackages, model },
    python: pythonVersion ?? (await trainedWith(packageDigest, where)),
    modelDelivery: inputs.modelDelivery,
    ...(include.length && { include }),
  });
  const folder = await mkdtemp(join(where.github.temp, 'mlops-dockerfile-'));
  const file = join(folder, 'Dockerfile');
  // BuildKit takes this name before the context's own .dockerignore.
  await Promise.all([writeFile(file, dockerfile), writeFile(`${file}.dockerignore`, dockerignore)]);
  console.log(['There is no Dockerfile, so one is written:', ...because].join('\n  '));
  return { file, isWritten: true };
}

/** A pickled model may load under no other Python than the one that it was trained with, such as `3.12`. */
async function trainedWith(packageDigest: string | undefined, where: Where): Promise<string | undefined> {
  if (!packageDigest) return undefined;
  const { recordSoFar } = await import('@mlops/core/run-so-far');
  const { jobs } = await recordSoFar(where);
  const job = jobs.find(({ packages }) => packages.some(({ digest }) => digest === packageDigest));
  return job?.environments.map(({ python }) => /^\d+\.\d+/.exec(python)?.[0]).find(Boolean);
}

async function lint(
  inputs: Inputs,
  { file = '', isWritten }: Recipe,
  text: string,
  { github, workingDirectory, signal }: Where,
): Promise<void> {
  const { annotateFindings, lintDockerfile } = await import('./dockerfile/lint.ts');
  const shown = relative(github.workspace, file);
  const { findings, failed, unavailable } = await lintDockerfile({
    dockerfile: text,
    file: isWritten || shown.startsWith('..') ? 'Dockerfile' : shown.split(sep).join('/'),
    root: workingDirectory,
    ignore: inputs.lintIgnore,
    threshold: inputs.lint === 'report' || inputs.lint === 'off' ? 'none' : inputs.lint,
    temp: github.temp,
    signal,
  });
  if (unavailable) annotate('notice', `The Dockerfile was not checked: ${unavailable}`);
  annotateFindings(findings);
  if (failed)
    throw new UserError(
      `the Dockerfile has ${findings.length === 1 ? 'a finding' : `${findings.length} findings`} of which the worst is of the severity '${findings[0]?.level}'`,
      {
        advice: "Mend what the annotations name, leave single rules out with 'lint-ignore', or lower 'lint'.",
      },
    );
}
