import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join, posix, relative, sep, win32 } from 'node:path';
import { addPath, exportVariable, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import type { Python } from './python.ts';
import type { Uv } from './uv.ts';

/** Where a virtual environment keeps its programs, and its interpreter among them. */
export function venvPaths(venv: string, platform: NodeJS.Platform): { bin: string; python: string } {
  const path = platform === 'win32' ? win32 : posix;
  const bin = path.join(venv, platform === 'win32' ? 'Scripts' : 'bin');
  return { bin, python: path.join(bin, platform === 'win32' ? 'python.exe' : 'python') };
}

/** Makes the virtual environment, or keeps the one that is there where it is whole and of the same Python. */
export async function ensureVenv(
  uv: Uv,
  venv: string,
  python: Python,
  where: { cwd: string; signal: AbortSignal },
): Promise<'reused' | 'made' | 'replaced'> {
  const there = existsSync(venv) && (await readdir(venv)).length > 0;
  if (there) {
    // What is no environment is not ours to delete.
    if (!existsSync(join(venv, 'pyvenv.cfg')))
      throw new UserError(`input venv: '${venv}' exists and is not a virtual environment`, {
        advice: 'Name another folder, or remove this one before.',
      });
    if (await isWhole(venv, python, where)) return 'reused';
    process.stdout.write(`${venv} is broken or of another Python and is replaced.\n`);
    await rm(venv, { recursive: true, force: true, maxRetries: 3 });
  }
  await uv.run(['venv', '--no-project', '--python', python.path, venv], where);
  return there ? 'replaced' : 'made';
}

async function isWhole(
  venv: string,
  python: Python,
  where: { cwd: string; signal: AbortSignal },
): Promise<boolean> {
  const own = venvPaths(venv, process.platform).python;
  // -I: neither the caller's environment variables nor the working directory have a say in it.
  const code =
    'import sys, platform; print(sys.implementation.name, platform.python_version(), sys.prefix, sep="\\n")';
  const { stdout } = await command(own, ['-I', '-c', code], { ...where, tolerate: true }).catch(() => ({
    stdout: '',
  }));
  const [implementation = '', version, prefix] = stdout.split('\n');
  return python.key.startsWith(`${implementation}-`) && version === python.version && prefix !== undefined;
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
