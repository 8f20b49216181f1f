import { createHash } from 'node:crypto';
import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '@mlops/core';
import { CommandError, command } from '@mlops/core/process';
import { fetchPackages } from './apt.ts';
import type { DebianSource } from './catalog.ts';
import { installed } from './store.ts';

/** Whether this machine is of the release, and has the programs that fetch and unpack its packages. */
export async function isDebian(
  release: string,
  env: NodeJS.ProcessEnv,
  osRelease = '/etc/os-release',
): Promise<boolean> {
  const about = await readFile(osRelease, 'utf8').catch(() => '');
  if (!/^ID="?debian"?$/m.test(about) || !new RegExp(`^VERSION_ID="?${release}"?$`, 'm').test(about))
    return false;
  const answer = (program: string, args: string[]) =>
    command(program, args, { env }).then(
      ({ stdout }) => stdout.trim(),
      () => '',
    );
  return (
    (await answer('dpkg', ['--print-architecture'])) === 'amd64' &&
    (await answer('apt-get', ['--version'])) !== ''
  );
}

/**
 * The interpreter of a virtual environment that sees the Python packages of a Debian release beside those of the
 * source's requirements file. Debian's packages are unpacked, not installed: neither root nor a change of the system
 * is needed. `fetchUv` gives the program that installs the rest.
 */
export async function installedDebianPython(
  name: string,
  source: DebianSource,
  root: string,
  env: NodeJS.ProcessEnv,
  fetchUv: () => Promise<string>,
): Promise<string> {
  const requirements = new URL(`../requirements/${source.group}.txt`, import.meta.url);
  const key = createHash('sha256')
    .update(JSON.stringify(source))
    .update(await readFile(requirements))
    .digest('hex');
  const python = join('venv', 'bin', 'python');
  const folder = await installed(root, `${name}-${key.slice(0, 16)}`, [python], async (target) => {
    const uv = await fetchUv();
    try {
      const system = join(target, 'debian');
      await unpack(source.packages, system, join(target, 'apt'), env);
      await createEnvironment(uv, system, join(target, 'venv'), env);
      const pip = ['pip', 'install', '--quiet', '--python', join(target, python), '--require-hashes'];
      await command(uv, [...pip, '-r', fileURLToPath(requirements)], { env });
      await command(join(target, python), ['-c', source.check], { env });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      throw new UserError(`${name} could not be installed: ${error.message}`, {
        cause: error,
        advice:
          'Check the network, or the mirrors and proxy that apt and uv are configured with, and run this again.',
      });
    }
  });
  return join(folder, python);
}

async function unpack(
  packages: readonly string[],
  system: string,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  for (const file of await fetchPackages(packages, folder, env)) {
    // The C library has to be that of the dynamic linker, which is the machine's.
    if (basename(file).startsWith('libc6_')) continue;
    await command('dpkg-deb', ['--extract', file, system], { env });
  }
  await rm(folder, { recursive: true });
}

async function createEnvironment(
  uv: string,
  system: string,
  venv: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const lib = join(system, 'usr', 'lib');
  const architecture = join(lib, 'x86_64-linux-gnu');
  const libraries = [
    architecture,
    join(system, 'lib', 'x86_64-linux-gnu'),
    lib,
    // Packages of their own choose among implementations of these when they are installed.
    join(architecture, 'blas'),
    join(architecture, 'lapack'),
  ].join(':');
  const interpreter = join(system, 'usr', 'bin', 'python3.11');
  await command(
    uv,
    ['venv', '--quiet', '--no-project', '--system-site-packages', '--python', interpreter, venv],
    {
      env: { ...env, LD_LIBRARY_PATH: libraries },
    },
  );
  // Under the environment's own name (-a), by which Python finds the environment and tells others where it is.
  const python = join(venv, 'bin', 'python');
  await rm(python);
  await writeFile(
    python,
    `#!/bin/bash\nexport LD_LIBRARY_PATH='${libraries}'\nexec -a "$0" '${interpreter}' "$@"\n`,
  );
  await chmod(python, 0o755);
}
