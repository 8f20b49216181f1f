import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '@mlops/core';
import { CommandError, command } from '@mlops/core/process';
import type { GoFolderSource, GoSource } from './catalog.ts';
import { installed } from './store.ts';

/** Builds the program with the machine's Go when that is new enough, otherwise with the one `fetchGo` brings. */
export async function installedGoProgram(
  name: string,
  source: GoSource | GoFolderSource,
  root: string,
  env: NodeJS.ProcessEnv,
  fetchGo: () => Promise<string>,
): Promise<string> {
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  const platform = `${process.platform}-${process.arch}`;
  const sources = 'sources' in source ? await readSources(source) : {};
  const key = createHash('sha256')
    .update(JSON.stringify([source, platform, ...Object.entries(sources)]))
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
    const [, minor, patch] = /^go1\.(\d+)(?:\.(\d+))?/.exec(stdout.trim()) ?? [];
    const [, oldestMinor, oldestPatch = 0] = oldest.split('.').map(Number);
    const isNewer = Number(minor) > Number(oldestMinor);
    return isNewer || (Number(minor) === Number(oldestMinor) && Number(patch ?? 0) >= oldestPatch);
  } catch {
    return false;
  }
}

async function build(
  name: string,
  go: string,
  source: GoSource | GoFolderSource,
  target: string,
  env: NodeJS.ProcessEnv,
) {
  // GOTOOLCHAIN: a build must not fetch another Go than the one chosen here. GOFLAGS: nothing but the sources decides.
  const toolchain = 'toolchain' in source && source.toolchain ? `go${source.toolchain}` : 'local';
  const goEnv = { ...env, GOTOOLCHAIN: toolchain, GOFLAGS: '', GOBIN: target, CGO_ENABLED: '0' };
  const install = ['install', '-trimpath'];
  try {
    if ('sources' in source) {
      const { package: program = '.', set = {} } = source;
      const variables = Object.entries(set).map(([variable, value]) => `-X ${variable}=${value}`);
      // No symbol table: it takes a third of a large program and of the time to link it.
      const flags = ['-buildvcs=false', '-mod=readonly', `-ldflags=${['-s', '-w', ...variables].join(' ')}`];
      await command(go, [...install, ...flags, program], { cwd: folderOf(source), env: goEnv });
      return;
    }
    await checkSum(go, source, goEnv);
    await command(go, [...install, `${source.package}@${source.version}`], { env: goEnv });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new UserError(`Go could not build ${name}:\n${error.result.stderrTail.slice(-8).join('\n')}`, {
      cause: error,
      advice: 'Check the network, or the module proxy that Go is configured with, and run this again.',
    });
  }
}

async function checkSum(go: string, source: GoSource, env: NodeJS.ProcessEnv): Promise<void> {
  const version = `${source.module}@${source.version}`;
  const { stdout } = await command(go, ['mod', 'download', '-json', version], { env });
  const { Sum } = JSON.parse(stdout) as { Sum: string };
  if (Sum === source.sum) return;
  throw new UserError(`${version} has the checksum ${Sum}; ${source.sum} was expected`, {
    advice: 'The module proxy in use serves something else than what was released: do not use it.',
  });
}

function folderOf({ sources }: GoFolderSource): string {
  return fileURLToPath(new URL(`../go/${sources}`, import.meta.url));
}

async function readSources(source: GoFolderSource): Promise<Record<string, string>> {
  const folder = folderOf(source);
  const names = (await readdir(folder)).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')])),
  );
}
