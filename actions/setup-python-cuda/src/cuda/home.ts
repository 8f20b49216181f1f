import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { addPath, exportVariable } from '@mlops/core';

/**
 * Puts the toolkit of NVIDIA's wheels together in one folder, as compilers and build tools expect CUDA_HOME: the wheels
 * of 12.x have a folder for each component, and those of 13 have no `lib64` and no names without versions for the
 * linker. Files are linked, which costs no space; where that cannot be, they are copied.
 * @param packages the `nvidia` folder in the environment's site-packages
 */
export async function makeCudaHome(
  home: string,
  packages: string,
  major: number,
  platform: NodeJS.Platform,
): Promise<void> {
  await rm(home, { recursive: true, force: true, maxRetries: 3 });
  const folders = (await readdir(packages, { withFileTypes: true })).filter((each) => each.isDirectory());
  // What belongs to this version comes first; another major version's folder may be left of an older environment.
  const own = folders
    .map(({ name }) => name)
    .filter((name) => !/^cu\d+$/.test(name) || name === `cu${major}`);
  own.sort((a, b) => Number(b === `cu${major}`) - Number(a === `cu${major}`));
  for (const name of own) await merge(join(packages, name), home);
  if (platform !== 'linux' || !existsSync(join(home, 'lib'))) return;
  if (!existsSync(join(home, 'lib64'))) await symlink('lib', join(home, 'lib64'));
  for (const file of (await readdir(join(home, 'lib'))).sort()) {
    const [, plain] = /^(lib.+\.so)\.\d[\d.]*$/.exec(file) ?? [];
    if (plain && !existsSync(join(home, 'lib', plain))) await symlink(file, join(home, 'lib', plain));
  }
}

async function merge(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (entry.name.startsWith('__') && !entry.name.startsWith('__nv')) continue; // Python's own: __init__.py, __pycache__.
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await merge(source, target);
    else if (!existsSync(target)) await link(source, target).catch(() => copyFile(source, target));
  }
}

/** Makes the toolkit the one of the steps that follow: compilers, build tools and programs find it under these names. */
export function activateCudaHome(home: string, platform: NodeJS.Platform): void {
  exportVariable('CUDA_HOME', home);
  exportVariable('CUDA_PATH', home);
  const windows = platform === 'win32';
  const programs = windows ? ['bin', join('bin', 'x86_64'), join('bin', 'x64')] : ['bin'];
  for (const name of programs.reverse()) if (existsSync(join(home, name))) addPath(join(home, name));
  const libraries = windows ? join(home, 'lib', 'x64') : join(home, 'lib');
  if (!existsSync(libraries)) return;
  for (const variable of windows ? ['LIB'] : ['LD_LIBRARY_PATH', 'LIBRARY_PATH']) {
    const others = (process.env[variable] ?? '')
      .split(delimiter)
      .filter((each) => each && each !== libraries);
    exportVariable(variable, [libraries, ...others].join(delimiter));
  }
}

/** Where an environment's toolkit is put together. */
export function cudaHomeOf(venv: string): string {
  return join(venv, 'cuda');
}
