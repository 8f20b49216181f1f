import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { CommandError, command } from '@mlops/core/process';
import type { GoSource } from './catalog.ts';
import { installed } from './store.ts';

/** Builds the program with the machine's Go when that is new enough, otherwise with the one `fetchGo` brings. */
export async function installedGoProgram(
  name: string,
  source: GoSource,
  root: string,
  env: NodeJS.ProcessEnv,
  fetchGo: () => Promise<string>,
): Promise<string> {
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  const platform = `${process.platform}-${process.arch}`;
  const key = createHash('sha256')
    .update(JSON.stringify([source, platform]))
    .digest('hex');
  const folder = await installed(root, `${name}-${key.slice(0, 16)}`, [file], async (target) => {
    const go = (await isRecentGo('go', source.go, env)) ? 'go' : await fetchGo();
    await build(name, go, source, target, env);
  });
  return join(folder, file);
}

async function isRecentGo(go: string, oldest: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  try {
    const { stdout } = await command(go, ['env', 'GOVERSION'], { env: { ...env, GOTOOLCHAIN: 'local' } });
    const [, minor] = /^go1\.(\d+)/.exec(stdout.trim()) ?? [];
    return Number(minor) >= Number(oldest.slice('1.'.length));
  } catch {
    return false;
  }
}

async function build(name: string, go: string, source: GoSource, target: string, env: NodeJS.ProcessEnv) {
  // GOTOOLCHAIN: a build must not fetch another Go than the one chosen here. GOFLAGS: nothing but the sources decides.
  const goEnv = { ...env, GOTOOLCHAIN: 'local', GOFLAGS: '', GOBIN: target, CGO_ENABLED: '0' };
  try {
    const version = `${source.module}@${source.version}`;
    const { stdout } = await command(go, ['mod', 'download', '-json', version], { env: goEnv });
    const { Sum } = JSON.parse(stdout) as { Sum: string };
    if (Sum !== source.sum) {
      throw new UserError(`${version} has the checksum ${Sum}; ${source.sum} was expected`, {
        advice: 'The module proxy in use serves something else than what was released: do not use it.',
      });
    }
    await command(go, ['install', '-trimpath', `${source.package}@${source.version}`], { env: goEnv });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new UserError(`Go could not build ${name}:\n${error.result.stderrTail.slice(-8).join('\n')}`, {
      cause: error,
      advice: 'Check the network, or the module proxy that Go is configured with, and run this again.',
    });
  }
}
