import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { join, posix, relative, sep, win32 } from 'node:path';
import { addPath, exportVariable, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import type { Python } from './python.ts';
import { normalName } from './requirements.ts';
import type { Uv } from './uv/uv.ts';

/** Where a virtual environment keeps its programs, and its interpreter among them. */
export function venvPaths(venv: string, platform: NodeJS.Platform): { bin: string; python: string } {
  const path = platform === 'win32' ? win32 : posix;
  const bin = path.join(venv, platform === 'win32' ? 'Scripts' : 'bin');
  return { bin, python: path.join(bin, platform === 'win32' ? 'python.exe' : 'python') };
}

/** Whether there is a virtual environment. What is something else is not ours to replace: an error. */
export async function isVenv(folder: string): Promise<boolean> {
  if (await isEmpty(folder)) return false;
  if (existsSync(join(folder, 'pyvenv.cfg'))) return true;
  throw new UserError(`input venv: '${folder}' exists and is not a virtual environment`, {
    advice: 'Name another folder, or remove this one before.',
  });
}

/** Whether there is nothing at this path, or an empty folder. */
export async function isEmpty(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return !found || (found.isDirectory() && (await readdir(path)).length === 0);
}

/** Stands in an environment until everything is in it, so that one that was interrupted is not taken for whole. */
const unfinishedName = '.mlops-unfinished';

/** Fills an environment, which a later run replaces if this one does not come to its end. */
export async function untilFinished<Result>(venv: string, fill: () => Promise<Result>): Promise<Result> {
  const mark = join(venv, unfinishedName);
  await mkdir(venv, { recursive: true });
  await writeFile(mark, '');
  const result = await fill();
  await rm(mark);
  return result;
}

/** Makes the virtual environment, or keeps the one that is there where it is whole and of the same Python. */
export async function ensureVenv(
  uv: Uv,
  venv: string,
  python: Python,
  where: { cwd: string; signal: AbortSignal },
): Promise<'reused' | 'made' | 'replaced'> {
  const there = await isVenv(venv);
  if (there) {
    const unfinished = existsSync(join(venv, unfinishedName));
    if (!unfinished && (await isWhole(venv, python, where))) return 'reused';
    const why = unfinished ? 'was not finished by an earlier run' : 'is broken or of another Python';
    process.stdout.write(`${venv} ${why} and is replaced.\n`);
    await rm(venv, { recursive: true, force: true, maxRetries: 3 });
  }
  await uv.run(['venv', '--no-project', '--python', python.path, venv], where);
  return there ? 'replaced' : 'made';
}

/** Whether an environment's interpreter runs and is that Python. */
export async function isWhole(
  venv: string,
  python: Python,
  where: { cwd: string; signal: AbortSignal },
): Promise<boolean> {
  const own = venvPaths(venv, process.platform).python;
  const [version, ownReal, real] = await Promise.all([
    madeWith(venv),
    realpath(own).catch(() => undefined),
    realpath(python.path),
  ]);
  // A link to the very Python that was found needs no try.
  if (process.platform !== 'win32' && ownReal === real && version === python.version) return true;
  // -I: neither the caller's environment variables nor the working directory have a say in it.
  const code = 'import sys, platform; print(sys.implementation.name, platform.python_version(), sep="\\n")';
  const { stdout } = await command(own, ['-I', '-c', code], { ...where, tolerate: true }).catch(() => ({
    stdout: '',
  }));
  const [implementation = '', runs] = stdout.split('\n');
  return python.key.startsWith(`${implementation}-`) && runs === python.version;
}

/** The version of Python that an environment was made with, as its pyvenv.cfg says. */
async function madeWith(venv: string): Promise<string | undefined> {
  const text = await readFile(join(venv, 'pyvenv.cfg'), 'utf8').catch(() => '');
  return /^version(?:_info)?\s*=\s*(\S+)/m.exec(text)?.[1];
}

/** What is installed in an environment, as `name==version` with names normalised, without starting its interpreter. */
export async function packagesIn(venv: string): Promise<string[]> {
  const lib = join(venv, process.platform === 'win32' ? 'Lib' : 'lib');
  const folders = process.platform === 'win32' ? [lib] : (await readdir(lib)).map((name) => join(lib, name));
  const names = await Promise.all(
    folders.map((folder) => readdir(join(folder, 'site-packages')).catch(() => [])),
  );
  return names.flat().flatMap((name) => {
    const [, project, version] = /^(.+)-([^-]+)\.dist-info$/.exec(name) ?? [];
    return project ? [`${normalName(project)}==${version}`] : [];
  });
}

/** Makes the environment the one that later steps use, by any of the names that tools look under. */
export function activate(venv: string): void {
  exportVariable('VIRTUAL_ENV', venv);
  exportVariable('UV_PROJECT_ENVIRONMENT', venv);
  addPath(venvPaths(venv, process.platform).bin);
}

/** Refuses a folder whose replacement would take the project with it. */
export function checkVenvPath(venv: string, folder: string, workspace: string): void {
  for (const precious of [folder, workspace]) {
    const path = relative(venv, precious);
    if (path === '' || !(path === '..' || path.startsWith(`..${sep}`) || path.includes(':')))
      throw new UserError(`input venv: '${venv}' holds the project itself`, {
        advice: "Name a folder of its own, such as '.venv'.",
      });
  }
}
