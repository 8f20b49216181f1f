import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '@mlops/core';
import { lookInto, type Prefix } from '../prefix.ts';
import { runTool } from '../run-tool.ts';
import { digestOfTextFiles } from '../text-file.ts';
import { manifestBeside } from './manifest.ts';
import type { Pixi } from './tool.ts';

export interface PixiTarget {
  pixi: Pixi;
  /** Absolute: pixi.lock, or the manifest where there is none. */
  file: string;
  /** The environments to install; the first one is activated. */
  environments: readonly string[];
  /** Installs what the lock says although the manifest may have changed since. */
  frozen: boolean;
  /** Further variables for the tool. */
  env: Record<string, string>;
  temp: string;
  signal: AbortSignal;
}

/** Installs a workspace's environments as its lock says; a stale lock is an error. */
export async function installPixi(
  target: PixiTarget,
): Promise<{ prefix: Prefix; locked: boolean; digest: string; manifest: string }> {
  const { pixi, environments, signal, temp } = target;
  const manifest = manifestBeside(target.file);
  const folder = dirname(manifest);
  const lock = join(folder, 'pixi.lock');
  const locked = existsSync(lock);
  if (target.frozen && !locked)
    throw new UserError('input pixi-frozen: there is no pixi.lock to be installed', {
      advice: "Run 'pixi lock' and commit pixi.lock.",
    });
  const mode = !locked ? [] : target.frozen ? ['--frozen'] : ['--locked'];
  const named = environments.length ? environments : ['default'];
  const where = { cwd: folder, signal, env: { PIXI_NO_PROGRESS: 'true', ...target.env } };
  const chosen = named.flatMap((name) => ['--environment', name]);
  await runTool(pixi.path, ['install', '--manifest-path', manifest, ...mode, ...chosen], {
    ...where,
    loud: true,
  });
  const hook = [
    'shell-hook',
    '--json',
    '--manifest-path',
    manifest,
    ...mode,
    '--environment',
    named[0] ?? '',
  ];
  const { stdout } = await runTool(pixi.path, hook, where);
  const variables = variablesOf(stdout);
  const home = variables.CONDA_PREFIX ?? '';
  const prefix = await lookInto(home, { before: [], env: variables }, { ...where, temp });
  return { prefix, locked, digest: await digestOfTextFiles(locked ? [lock] : [manifest]), manifest };
}

/** What `pixi shell-hook --json` says; pixi's own notes may stand before it. */
function variablesOf(stdout: string): Record<string, string> {
  const json = stdout.slice(Math.max(stdout.indexOf('{'), 0));
  return (JSON.parse(json) as { environment_variables: Record<string, string> }).environment_variables;
}
