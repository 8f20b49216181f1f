import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { basename, delimiter, dirname, join, resolve } from 'node:path';
import { UserError } from '@mlops/core';
import { CommandError, command } from '@mlops/core/process';
import { fetchPackages } from './apt.ts';
import type { DebianProgramSource } from './catalog.ts';
import { isDebian } from './debian.ts';
import { installed } from './store.ts';

/**
 * The machine's own program when it works, otherwise that of a Debian package, which is unpacked and not installed.
 * Libraries that no package of the source brings are the machine's: whatever has apt has them.
 */
export async function installedDebianProgram(
  name: string,
  source: DebianProgramSource,
  root: string,
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const own = await findOnPath(name, env);
  if (own) return own;
  if (!(await isDebian(source.release, env)))
    throw new UserError(`${name} is not on PATH`, {
      advice: `Install it with this system's package manager and run this again; only on Debian ${source.release} it is fetched.`,
    });
  const key = createHash('sha256').update(JSON.stringify(source)).digest('hex').slice(0, 16);
  const folder = await installed(root, `${name}-${key}`, [source.program], async (target) => {
    const apt = join(target, 'apt');
    try {
      for (const file of await fetchPackages(source.packages, apt, env)) {
        const [fetched = ''] = basename(file).split('_');
        if (source.packages.includes(fetched))
          await command('dpkg-deb', ['--extract', file, target], { env });
      }
      await findLibraries(target, join(target, source.program));
      await command(join(target, source.program), ['--version'], { env });
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      throw new UserError(`${name} could not be fetched: ${error.message}`, {
        cause: error,
        advice:
          'Check the network, or the mirrors and proxy that apt is configured with, and run this again.',
      });
    }
    await rm(apt, { recursive: true });
  });
  return join(folder, source.program);
}

/** Puts a script in the program's place that shows it the libraries that were unpacked with it. */
async function findLibraries(target: string, program: string): Promise<void> {
  const folders = ['usr/lib', 'lib'].map((folder) => join(target, folder, 'x86_64-linux-gnu'));
  const libraries = folders.filter((folder) => existsSync(folder));
  if (libraries.length === 0) return;
  const real = join(dirname(program), `.${basename(program)}`);
  await rename(program, real);
  const script = `#!/bin/sh\nLD_LIBRARY_PATH='${libraries.join(':')}' exec '${real}' "$@"\n`;
  await writeFile(program, script, { mode: 0o755 });
}

async function findOnPath(name: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  for (const folder of (env.PATH ?? '').split(delimiter)) {
    const program = resolve(folder, name);
    const works = await command(program, ['--version'], { env }).then(
      () => true,
      () => false, // Not there, or broken.
    );
    if (works) return program;
  }
  return undefined;
}
