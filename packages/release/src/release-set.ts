import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { throwAll, UserError } from '@mlops/core';
import { sourceFiles } from './git.ts';

/** What is released together: the reusable workflows and the actions that were tested with them. */
export interface ReleaseSet {
  /** `owner/name`, by which users and the rendered workflows name the repository. */
  slug: string;
  /** Name and version of the package that stands for the set, workflows/package.json. */
  name: string;
  version: string;
  actions: ActionPackage[];
  /** File names of the reusable workflows in workflows/. */
  workflows: string[];
  /** Every file of the checkout that git knows. */
  files: string[];
}

export interface ActionPackage {
  name: string;
  version: string;
}

/** The package that carries the set's version; it depends on every action, so that each release of one releases it. */
export const setManifest = 'workflows/package.json';

interface Manifest {
  name?: string;
  version?: string;
  private?: boolean;
  dependencies?: Record<string, string>;
}

/** Reads names and versions from a checkout, and refuses a set that could not be released. */
export async function readReleaseSet(root: string): Promise<ReleaseSet> {
  const files = await sourceFiles(root);
  const folders = files.flatMap((path) => /^actions\/([^/]+)\/package\.json$/.exec(path)?.[1] ?? []);
  const workflows = files.flatMap((path) => /^workflows\/([^/]+\.ya?ml)$/.exec(path)?.[1] ?? []);
  if (!folders.length) throw new UserError(`there is no actions/*/package.json in '${root}'`);

  const set = await readManifest(root, setManifest);
  const problems: UserError[] = [];
  const actions: ActionPackage[] = [];
  for (const folder of folders) {
    const file = `actions/${folder}/package.json`;
    const manifest = await readManifest(root, file);
    problems.push(...problemsOfAction(file, folder, manifest, set));
    if (!files.includes(`actions/${folder}/action.yml`))
      problems.push(
        new UserError(`actions/${folder} has no action.yml`, {
          advice: "Run 'pnpm generate' and commit the result.",
        }),
      );
    actions.push({ name: folder, version: manifest.version ?? '' });
  }
  for (const name of Object.keys(set.dependencies ?? {}))
    if (!folders.includes(name))
      problems.push(new UserError(`'${name}' is a dependency and no action`, { file: setManifest }));
  const { name = '', version = '' } = set;
  if (!name || !version)
    problems.push(new UserError("'name' and 'version' are needed", { file: setManifest }));
  throwAll(problems);
  return { slug: await slugOf(root), name, version, actions, workflows, files };
}

function problemsOfAction(file: string, folder: string, manifest: Manifest, set: Manifest): UserError[] {
  const problems: UserError[] = [];
  if (manifest.name !== folder)
    problems.push(
      new UserError(`the name must be the folder's, '${folder}', not '${manifest.name}'`, { file }),
    );
  // A tag `v1/v1.0.0` cannot stand beside the set's `v1`, and tags are case-insensitive on some systems.
  if (!/^[a-z][a-z0-9-]*$/.test(folder) || /^v\d/.test(folder))
    problems.push(
      new UserError(`'${folder}' cannot name tags`, {
        file,
        advice:
          "Use lower-case letters, digits and dashes, and no name that looks like a version such as 'v1'.",
      }),
    );
  if (!manifest.version) problems.push(new UserError("there is no 'version'", { file }));
  if (!manifest.private)
    problems.push(new UserError('an action is released by tags, so it must be private', { file }));
  if (set.dependencies?.[folder] !== 'workspace:*')
    problems.push(
      new UserError(
        `the action '${folder}' is missing from the dependencies, so its releases would not release the set`,
        {
          file: setManifest,
          advice: `Add "${folder}": "workspace:*".`,
        },
      ),
    );
  return problems;
}

async function slugOf(root: string): Promise<string> {
  const { repository } = (await readManifest(root, 'package.json')) as { repository?: unknown };
  const slug =
    typeof repository === 'string' ? /^github:([\w.-]+\/[\w.-]+)$/.exec(repository)?.[1] : undefined;
  if (slug) return slug;
  throw new UserError(
    `'repository' must have the form 'github:owner/name', not ${JSON.stringify(repository)}`,
    {
      file: 'package.json',
    },
  );
}

async function readManifest(root: string, file: string): Promise<Manifest> {
  const text = await readFile(join(root, file), 'utf8').catch((cause) => {
    throw new UserError('the file is missing', { file, cause });
  });
  try {
    return JSON.parse(text) as Manifest;
  } catch (cause) {
    throw new UserError(`this is no JSON: ${(cause as Error).message}`, { file, cause });
  }
}
