import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { UserError } from '@mlops/core';
import { CommandError, command } from '@mlops/core/process';

/**
 * Has turbo run the build script of every action, in parallel over the cores; what it built before from the same inputs
 * it takes from its cache, unless `fresh` asks for a build that trusts nothing but the sources.
 */
export async function buildActions(root: string, { fresh }: { fresh: boolean }): Promise<void> {
  const turbo = createRequire(import.meta.url).resolve('turbo/bin/turbo');
  const args = [
    turbo,
    'run',
    'build',
    '--filter=./actions/*',
    `--concurrency=${availableParallelism()}`,
    '--output-logs=errors-only',
    '--ui=stream',
    ...(fresh ? ['--force'] : []),
  ];
  const lines: string[] = [];
  try {
    await command(...(await withPnpm(root, process.execPath, args)), {
      cwd: root,
      env: {
        // The actions' own runtime comes first, whatever `node` the machine has.
        PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`,
        TURBO_TELEMETRY_DISABLED: '1',
        TURBO_NO_UPDATE_NOTIFIER: '1',
      },
      onLine: (line) => lines.push(line),
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new UserError(`the actions cannot be built:\n${lines.slice(-40).join('\n')}`, { cause: error });
  }
}

/** Turbo calls pnpm by its name. Scripts that pnpm runs find it on PATH; for everything else npx lends one. */
async function withPnpm(root: string, program: string, args: string[]): Promise<[string, string[]]> {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = folders.some((folder) =>
    ['pnpm', 'pnpm.cmd', 'pnpm.exe'].some((name) => existsSync(join(folder, name))),
  );
  if (found) return [program, args];
  const { packageManager } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
    packageManager: string;
  };
  return ['npx', ['-y', '-p', packageManager, '--', program, ...args]];
}
