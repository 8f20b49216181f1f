import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import manifest from '../package.json' with { type: 'json' };
import { installed, toolsFolder } from './store.ts';

export interface Chromium {
  program: string;
  /** What it needs on a machine without its libraries and without fonts. */
  env: Record<string, string>;
}

/**
 * A headless Chromium, unpacked on first use from a package of the lock file. It brings its libraries along: a bare
 * Debian has none of them.
 *
 * @throws UserError elsewhere than on Linux with an x64 processor, for which alone it is built
 */
export async function chromium(env: NodeJS.ProcessEnv = process.env): Promise<Chromium> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new UserError(
      `the browser of the tests runs on Linux x64, not ${process.platform} ${process.arch}`,
      {
        advice: 'Leave the tests that need it to CI, or run them in a container.',
      },
    );
  const version = manifest.dependencies['@sparticuz/chromium'];
  const folder = await installed(toolsFolder(env), `chromium-${version}`, ['chromium'], unpack);
  return {
    program: join(folder, 'chromium'),
    env: {
      LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'),
      ...(!existsSync('/usr/share/fonts') && { FONTCONFIG_PATH: join(folder, 'fonts') }),
    },
  };
}

/** The package unpacks into the folder for temporary files, and its libraries only where it takes the machine for bare. */
async function unpack(folder: string): Promise<void> {
  const script = "await (await import('@sparticuz/chromium')).default.executablePath()";
  await command(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: import.meta.dirname,
    env: { TMPDIR: folder, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x' },
  });
}
