import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mask, UserError } from '@mlops/core';
import { writeJobFile } from '../job-file.ts';
import { into, type Plan, type Target } from '../plan.ts';
import { shownFrom } from '../shown-path.ts';
import { type LockedPackage, requirementLine } from './locked-package.ts';
import { readPipfileLock } from './pipfile-lock.ts';
import { indexesOf, isOfPoetry1, isPackage, readPoetryLock } from './poetry-lock.ts';

/** What the packages of a foreign lock are written into. */
const requirementsName = 'locked-requirements.txt';

/** poetry.lock: exactly its packages, and the project in place, as `poetry install` does. */
export async function planPoetry(target: Target): Promise<Plan> {
  const { project, selection, workspace, venv } = target;
  const lock = project.files[0] ?? '';
  const folder = dirname(lock);
  const pyproject = await readFile(join(folder, 'pyproject.toml'), 'utf8').catch(() => {
    throw new UserError('poetry.lock has no pyproject.toml beside it', {
      file: shownFrom(workspace, lock),
      line: 1,
    });
  });
  const text = await readFile(lock, 'utf8');
  const more = isPackage(pyproject) ? [requirementOfProject(folder)] : [];
  if (isOfPoetry1(text)) {
    const { exportPoetryLock } = await import('./poetry-export.ts');
    const exported = await exportPoetryLock(target, folder, pyproject);
    const file = await writeJobFile(target.temp, requirementsName, [exported, ...more, ''].join('\n'));
    return planSync(file, await indexesOf(text), folder, venv);
  }
  const { packages, indexes } = readPoetryLock(text, pyproject, selection, shownFrom(workspace, lock));
  const file = await writeRequirements({ ...target, folder }, packages, more);
  return planSync(file, indexes, folder, venv);
}

/** Pipfile.lock: exactly its packages. */
export async function planPipenv(target: Target): Promise<Plan> {
  const { project, selection, workspace, venv } = target;
  const lock = project.files[0] ?? '';
  const { packages, indexes } = readPipfileLock(
    await readFile(lock, 'utf8'),
    selection,
    shownFrom(workspace, lock),
  );
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
