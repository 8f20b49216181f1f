import { existsSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { UserError } from '@mlops/core';
import {
  declaresPixi,
  looseNames,
  type Manager,
  managerOfLock,
  managerOfNamed,
  managers,
} from './manager-files.ts';
import { mlprojectEnvironment } from './mlproject.ts';
import { shownFrom } from './shown-path.ts';

export type { Manager } from './manager-files.ts';

/** Where a project's dependencies are written down. */
export interface Project {
  manager: Manager;
  /** Absolute: the one lock or manifest, or the requirements files in the order they were named. */
  files: string[];
  /** Names, relative to the folder, of other locks and manifests that were found and are not used. */
  ignored: string[];
}

/** The project's files as they are called from its folder. */
export function namesOf({ files }: Project, folder: string): string[] {
  return files.map((file) => shownFrom(folder, file));
}

/**
 * Finds the file that a folder's dependencies are installed from. A lock is preferred to what names loose versions, and
 * the locks of several managers rank as in `managers`; requirements files also stand for dependency groups.
 */
export async function findProject(
  folder: string,
  named: readonly string[],
  groups: readonly string[],
  workspace: string,
): Promise<Project> {
  if (named.length) return namedProject(folder, named, groups);
  const names = await filesIn(folder);
  const locks = names.flatMap((name) => {
    const manager = managerOfLock(name);
    return manager ? [{ manager, name }] : [];
  });
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
  const loose = await looseProject(folder, names, requirements, groups, workspace);
  return loose ?? nothingFound(folder, names, workspace);
}

/** Where nothing is locked: what MLproject names, requirements, the manifests of pixi and conda, pyproject.toml. */
async function looseProject(
  folder: string,
  names: readonly string[],
  requirements: readonly string[],
  groups: readonly string[],
  workspace: string,
): Promise<Project | undefined> {
  const pyproject = join(folder, 'pyproject.toml');
  const hasPyproject = names.includes('pyproject.toml');
  const found = looseNames.flatMap(([manager, pattern]) =>
    names.filter((name) => pattern.test(name)).map((name) => ({ manager, name })),
  );
  if (hasPyproject && declaresPixi(await readFile(pyproject, 'utf8')))
    found.unshift({ manager: 'pixi', name: 'pyproject.toml' });
  const manifests = found.map(({ name }) => name);
  const othersThan = (used: string) => [...requirements, ...manifests].filter((name) => name !== used);

  const named = await mlprojectEnvironment(folder, workspace);
  if (named) {
    const { manager, file } = named;
    return { manager, files: [file], ignored: othersThan(shownFrom(folder, file)) };
  }
  if (requirements.length)
    return { manager: 'pip', files: chooseRequirements(folder, requirements, groups), ignored: manifests };
  const [first] = found;
  if (first)
    return { manager: first.manager, files: [join(folder, first.name)], ignored: othersThan(first.name) };
  // A lock or manifest of another tool would be passed over by way of pyproject.toml, which then only configures tools.
  if (names.includes('Pipfile'))
    throw new UserError('Pipfile has no Pipfile.lock beside it', {
      file: shownFrom(workspace, join(folder, 'Pipfile')),
      line: 1,
      advice: "Run 'pipenv lock' and commit Pipfile.lock.",
    });
  if (names.includes('pdm.lock')) throw pdmLock(shownFrom(workspace, join(folder, 'pdm.lock')));
  return hasPyproject ? { manager: 'pyproject', files: [pyproject], ignored: [] } : undefined;
}

async function namedProject(
  folder: string,
  named: readonly string[],
  groups: readonly string[],
): Promise<Project> {
  for (const name of named)
    if (!statSync(resolve(folder, name), { throwIfNoEntry: false })?.isFile())
      throw new UserError(`input dependency-files: '${name}' is no file in ${folder}`, {
        advice: "Paths are relative to 'working-directory'.",
      });
  const managersOf = await Promise.all(named.map((name) => managerOf(resolve(folder, name), name)));
  const [manager] = managersOf;
  if (!manager) throw new UserError('input dependency-files: no file is named');
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

async function managerOf(path: string, name: string): Promise<Manager> {
  if (basename(path) === 'pdm.lock') throw pdmLock(name);
  const found = await managerOfNamed(path);
  if (found) return found;
  throw new UserError(`input dependency-files: '${name}' is no kind of file that can be installed from`, {
    advice:
      'It may be uv.lock, pylock.toml, poetry.lock, Pipfile.lock, pixi.lock, conda-lock.yml, an explicit list of conda, environment.yml, python_env.yaml, pixi.toml, pyproject.toml, or requirements files that end in .txt.',
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
  return (await filesIn(join(folder, name))).map((file) => `${name}/${file}`);
}

/** Names of files, also of links to files; none where there is no such folder. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => !entry.isDirectory())
    .map(({ name }) => name)
    .sort();
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

function nothingFound(folder: string, names: readonly string[], workspace: string): never {
  const where = shownFrom(workspace, folder) || 'the root of the repository';
  const setup = names.find((name) => name === 'setup.py' || name === 'setup.cfg');
  throw new UserError(`found nothing to install from in ${where}`, {
    advice: `Looked for uv.lock, pylock.toml, poetry.lock, Pipfile.lock, pixi.lock, conda-lock.yml, MLproject, requirements.txt, requirements-*.txt, requirements/*.txt, pixi.toml, environment.yml and pyproject.toml. ${
      setup
        ? `${setup} alone names no versions: add a requirements.txt with the line '-e .'.`
        : "Set 'working-directory' or 'dependency-files', or 'install: false' for Python alone."
    }`,
  });
}

/** PDM can write a standard lock, which this action installs from. */
function pdmLock(file: string): UserError {
  return new UserError("pdm.lock is PDM's own format, which only PDM installs from", {
    file,
    line: 1,
    advice: "Export it with 'pdm export -f pylock -o pylock.toml' and commit pylock.toml.",
  });
}
