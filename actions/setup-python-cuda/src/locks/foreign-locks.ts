import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { mask, UserError } from '@mlops/core';
import { writeJobFile } from '../job-file.ts';
import { into, type Plan, type Target } from '../plan.ts';
import { shownFrom } from '../shown-path.ts';
import { readText } from '../text-file.ts';
import { readToml } from '../toml-file.ts';
import { type LockedPackage, requirementLine } from './locked-package.ts';
import { readPipfileLock } from './pipfile-lock.ts';
import {
  indexesOf,
  isOfPoetry1,
  isPackage,
  type PoetryLock,
  type PoetryProject,
  readPoetryLock,
} from './poetry-lock.ts';

/** What the packages of a foreign lock are written into. */
const requirementsName = 'locked-requirements.txt';

/** poetry.lock: exactly its packages, and the project in place, as `poetry install` does. */
export async function planPoetry(target: Target): Promise<Plan> {
  const { project, selection, workspace, venv } = target;
  const file = project.files[0] ?? '';
  const shown = shownFrom(workspace, file);
  const folder = dirname(file);
  const manifest = join(folder, 'pyproject.toml');
  if (!existsSync(manifest))
    throw new UserError('poetry.lock has no pyproject.toml beside it', { file: shown, line: 1 });
  const pyproject = await readToml<PoetryProject>(manifest, shownFrom(workspace, manifest));
  const lock = await readToml<PoetryLock>(file, shown);
  const more = isPackage(pyproject) ? [requirementOfProject(folder)] : [];
  if (isOfPoetry1(lock)) {
    const { exportPoetryLock } = await import('./poetry-export.ts');
    const exported = await exportPoetryLock(target, folder, pyproject);
    const written = await writeJobFile(target.temp, requirementsName, [exported, ...more, ''].join('\n'));
    return planSync(written, indexesOf(lock), folder, venv);
  }
  const { packages, indexes } = readPoetryLock(lock, pyproject, selection, shown);
  const written = await writeRequirements({ ...target, folder }, packages, more);
  return planSync(written, indexes, folder, venv);
}

/** Pipfile.lock: exactly its packages. */
export async function planPipenv(target: Target): Promise<Plan> {
  const { project, selection, workspace, venv } = target;
  const lock = project.files[0] ?? '';
  const { packages, indexes } = readPipfileLock(await readText(lock), selection, shownFrom(workspace, lock));
  const folder = dirname(lock);
  const file = await writeRequirements({ ...target, folder }, packages, []);
  return planSync(file, indexes, folder, venv);
}

/** Addresses of private indexes may hold tokens, as such locks have them. */
function maskTokens(indexes: readonly string[]): void {
  for (const { username, password } of indexes.flatMap((index) => URL.parse(index) ?? []))
    for (const secret of password ? [password, decodeURIComponent(password)] : username ? [username] : [])
      mask(secret);
}

/** The project itself, in place, as `poetry install` does. */
function requirementOfProject(folder: string): string {
  return requirementLine(
    { name: '', extras: [], source: { path: folder, editable: true }, marker: undefined, hashes: [] },
    folder,
  );
}

/** Writes the packages of a foreign lock as a requirements file. What has a version must have a hash. */
async function writeRequirements(
  { folder, temp, workspace, project }: Target,
  packages: readonly LockedPackage[],
  more: readonly string[],
): Promise<string> {
  const unhashed = packages.find(
    ({ source, hashes }) => source !== 'any' && 'version' in source && hashes.length === 0,
  );
  const lock = shownFrom(workspace, project.files[0] ?? '');
  if (unhashed)
    throw new UserError(`${lock} has no hash for ${unhashed.name}`, {
      file: lock,
      line: 1,
      advice: 'Write the lock anew with the current version of its tool, and commit it.',
    });
  const lines = [...packages.map((each) => requirementLine(each, folder)), ...more, ''];
  return writeJobFile(temp, requirementsName, lines.join('\n'));
}

/** Installs exactly what a requirements file names. Hashes are checked by uv. */
function planSync(file: string, indexes: readonly string[], cwd: string, venv: string): Plan {
  if (!indexes.length)
    return {
      locked: true,
      steps: [{ args: ['pip', 'sync', '--allow-empty-requirements', file, ...into(venv)], cwd }],
    };
  maskTokens(indexes);
  // With every file fixed by its hash, it does not matter which index offers it.
  const args = ['pip', 'sync', '--allow-empty-requirements', file, '--index-strategy', 'unsafe-best-match'];
  // A lock's index may be private, and its address in the lock hold a token: that is no argument.
  const addresses = [...indexes, process.env.UV_EXTRA_INDEX_URL ?? ''].join(' ').trim();
  return {
    locked: true,
    steps: [{ args: [...args, ...into(venv)], cwd, env: { UV_EXTRA_INDEX_URL: addresses } }],
  };
}
