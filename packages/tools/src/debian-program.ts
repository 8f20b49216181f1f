import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { basename, delimiter, join, resolve } from 'node:path';
import { UserError } from '@mlops/core';
import { CommandError, command } from '@mlops/core/process';
import { fetchPackages } from './apt.ts';
import type { DebianProgramSource } from './catalog.ts';
import { isDebian } from './debian.ts';
import { installed } from './store.ts';

/**
 * The machine's own program when it works, otherwise that of a Debian package, which is unpacked and not installed.
 * Its libraries are the machine's: whatever has apt has those of the programs in the catalog.
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
