import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { UserError } from '@mlops/core';

/** Whose file the dependencies are read from, in the order in which they are preferred. */
export const managers = ['uv', 'pylock', 'poetry', 'pipenv', 'pip', 'pyproject'] as const;
export type Manager = (typeof managers)[number];

/** Where a project's dependencies are written down. */
export interface Project {
  manager: Manager;
  /** Absolute: the one lock or pyproject.toml, or the requirements files in the order they were named. */
  files: string[];
  /** Names, relative to the folder, of other locks that were found and are not used. */
  ignored: string[];
}

const lockNames: [Manager, RegExp][] = [
  ['uv', /^uv\.lock$/],
  ['pylock', /^pylock(\.[^.]+)?\.toml$/],
  ['poetry', /^poetry\.lock$/],
  ['pipenv', /^Pipfile\.lock$/],
  ['pyproject', /^pyproject\.toml$/],
  ['pip', /\.(txt|in)$/],
];

/** Managers that are recognised so that the error can say what to do. */
const unsupported: [RegExp, string, string][] = [
  [
    /^pixi\.(toml|lock)$/,
    'pixi',
    "Export what it holds from the index with 'pixi list' into a pyproject.toml, and lock it with 'uv lock'.",
  ],
  [
    /^(conda-lock|environment)\.ya?ml$/,
    'conda',
    "List the packages in a requirements.in and lock them with 'uv pip compile --generate-hashes requirements.in -o requirements.txt'.",
  ],
  [/^pdm\.lock$/, 'PDM', "Export it with 'pdm export -f pylock -o pylock.toml'."],
];

/**
 * Finds the file that a folder's dependencies are installed from. A lock is preferred to loose requirements, and the
 * locks of several managers rank as in `managers`; requirements files also stand for dependency groups.
 */
export async function findProject(
  folder: string,
  named: readonly string[],
  groups: readonly string[],
  workspace: string,
): Promise<Project> {
  if (named.length) return namedProject(folder, named, groups);
  const names = (await readdir(folder)).sort();
  const locks = (['uv', 'pylock', 'poetry', 'pipenv'] as const).flatMap((manager) =>
    names.filter((name) => pattern(manager).test(name)).map((name) => ({ manager, name })),
  );
  // `pylock.toml` itself comes before `pylock.<name>.toml`.
  locks.sort(
    (a, b) => managers.indexOf(a.manager) - managers.indexOf(b.manager) || a.name.length - b.name.length,
  );
  const requirements = requirementNames([...names, ...(await below(folder, 'requirements'))]);

  const [lock, ...others] = locks;
  if (lock) {
    const ignored = [...others.map(({ name }) => name), ...requirements];
    return { manager: lock.manager, files: [join(folder, lock.name)], ignored };
  }
  const shared = names.includes('pyproject.toml') ? await workspaceLock(folder, workspace) : undefined;
  if (shared) return { manager: 'uv', files: [shared], ignored: requirements };
  if (requirements.length)
    return { manager: 'pip', files: chooseRequirements(folder, requirements, groups), ignored: [] };
  // A Pipfile without a lock would be passed over by way of pyproject.toml, which then only configures tools.
  if (names.includes('Pipfile'))
    throw new UserError('Pipfile has no Pipfile.lock beside it', {
      file: shown(folder, 'Pipfile', workspace),
      line: 1,
      advice: "Run 'pipenv lock' and commit Pipfile.lock.",
    });
  if (names.includes('pyproject.toml'))
    return { manager: 'pyproject', files: [join(folder, 'pyproject.toml')], ignored: [] };
  throw nothingFound(folder, names, workspace);
}

function pattern(manager: Manager): RegExp {
  return lockNames.find(([name]) => name === manager)?.[1] ?? /$^/;
}

function namedProject(folder: string, named: readonly string[], groups: readonly string[]): Project {
  const managersOf = named.map((name) => managerOf(name));
  const [manager] = managersOf;
  if (!manager) throw new UserError('input dependency-files: no file is named');
  for (const name of named)
    if (!existsSync(resolve(folder, name)))
      throw new UserError(`input dependency-files: '${name}' does not exist in ${folder}`, {
        advice: "Paths are relative to 'working-directory'.",
      });
  if (named.length > 1 && managersOf.some((other) => other !== 'pip'))
    throw new UserError(
      `input dependency-files: ${named.map((name) => `'${name}'`).join(', ')} cannot be installed together`,
      {
        advice: 'Name one lock, or any number of requirements files.',
      },
    );
  if (manager === 'pip' && groups.length)
    throw new UserError(`input groups: '${groups[0]}' has no meaning for requirements files that are named`, {
      advice: "Name the group's file in 'dependency-files' as well.",
    });
  return { manager, files: named.map((name) => resolve(folder, name)), ignored: [] };
}

function managerOf(path: string): Manager {
  const found = lockNames.find(([, name]) => name.test(basename(path)));
  if (found) return found[0];
  for (const [name, manager, advice] of unsupported)
    if (name.test(basename(path))) throw notSupported(basename(path), manager, advice);
  throw new UserError(`input dependency-files: '${path}' is no kind of file that can be installed from`, {
    advice:
      'It may be uv.lock, pylock.toml, poetry.lock, Pipfile.lock, pyproject.toml, or requirements files that end in .txt.',
  });
}

/** The lock of the uv workspace that a member's folder belongs to: it lies beside the workspace's own pyproject.toml. */
async function workspaceLock(folder: string, workspace: string): Promise<string | undefined> {
  for (let above = folder; above !== workspace && above.startsWith(workspace + sep); ) {
    above = dirname(above);
    const pyproject = await readFile(join(above, 'pyproject.toml'), 'utf8').catch(() => '');
    if (/^\s*\[tool\.uv\.workspace\]/m.test(pyproject) && existsSync(join(above, 'uv.lock')))
      return join(above, 'uv.lock');
  }
  return undefined;
}

async function below(folder: string, name: string): Promise<string[]> {
  const names = await readdir(join(folder, name)).catch(() => []);
  return names.sort().map((file) => `${name}/${file}`);
}

function requirementNames(names: readonly string[]): string[] {
  return names.filter((name) =>
    /^(requirements[^/]*|[^/]*[-_.]requirements|requirements\/[^/]+)\.txt$/.test(name),
  );
}

const mainNames = [
  'requirements.txt',
  ...['requirements', 'base', 'main', 'prod', 'production'].map((name) => `requirements/${name}.txt`),
];

/** The project's own requirements file, and one for each group. */
function chooseRequirements(folder: string, found: readonly string[], groups: readonly string[]): string[] {
  const main = mainNames.find((name) => found.includes(name)) ?? (found.length === 1 ? found[0] : undefined);
  if (!main)
    throw new UserError(`several requirements files and none is plainly the project's: ${found.join(', ')}`, {
      advice: "Name those to install with the input 'dependency-files'.",
    });
  const ofGroups = groups.map((group) => {
    const names = [
      `requirements-${group}.txt`,
      `requirements_${group}.txt`,
      `${group}-requirements.txt`,
      `requirements/${group}.txt`,
    ];
    const file = names.find((name) => found.includes(name));
    if (!file)
      throw new UserError(`input groups: there is no requirements file for '${group}'`, {
        advice: `Looked for ${names.join(', ')}; found ${found.join(', ')}.`,
      });
    return file;
  });
  return [...new Set([main, ...ofGroups])].map((name) => join(folder, name));
}

function nothingFound(folder: string, names: readonly string[], workspace: string): UserError {
  for (const [name, manager, advice] of unsupported) {
    const file = names.find((other) => name.test(other));
    if (file) return notSupported(shown(folder, file, workspace), manager, advice);
  }
  const where = relative(workspace, folder).split(sep).join('/') || 'the root of the repository';
  const setup = names.find((name) => name === 'setup.py' || name === 'setup.cfg');
  return new UserError(`found nothing to install from in ${where}`, {
    advice: `Looked for uv.lock, pylock.toml, poetry.lock, Pipfile.lock, requirements.txt, requirements-*.txt, requirements/*.txt and pyproject.toml. ${
      setup
        ? `${setup} alone names no versions: add a requirements.txt with the line '-e .'.`
        : "Set 'working-directory' or 'dependency-files', or 'install: false' for Python alone."
    }`,
  });
}

function notSupported(file: string, manager: string, advice: string): UserError {
  return new UserError(`${basename(file)}: ${manager} environments are not supported yet`, {
    file,
    line: 1,
    advice,
  });
}

function shown(folder: string, name: string, workspace: string): string {
  return relative(workspace, join(folder, name)).split(sep).join('/');
}
