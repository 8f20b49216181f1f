import { dirname, join } from 'node:path';
import { addPath, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import { downloadRelease, executable, findOnPath, toolFolder } from '../tool-release.ts';
import { targetTriple } from '../uv/uv-release.ts';
import { pixiRelease } from './pixi-release.ts';

export interface Pixi {
  /** Absolute. */
  path: string;
  version: string;
}

/** The oldest pixi that says an environment's variables as JSON. */
const oldest = [0, 21] as const;

/** Finds pixi on PATH, or installs it from its release page or from a mirror of it that PIXI_REPOURL names. */
export async function findOrInstallPixi(signal: AbortSignal): Promise<Pixi> {
  const onPath = findOnPath('pixi');
  const found = onPath && (await pixiAt(onPath, signal));
  if (found) return found;
  const triple = targetTriple(process.platform, process.arch, true);
  const sha256 = triple && pixiRelease.sha256[triple];
  if (!sha256)
    throw new UserError(`there is no pixi for this runner (${process.platform} ${process.arch})`, {
      advice: 'Install pixi in an earlier step; one on PATH is used as it is.',
    });
  const { version } = pixiRelease;
  const path = join(toolFolder('pixi', version), executable('pixi'));
  const there = await pixiAt(path, signal);
  if (!there)
    await downloadRelease({
      name: 'pixi',
      version,
      address: process.env.PIXI_REPOURL || 'https://github.com/prefix-dev/pixi',
      tag: `v${version}`,
      file: `pixi-${triple}.${process.platform === 'win32' ? 'zip' : 'tar.gz'}`,
      stripped: 0,
      sha256,
      advice:
        'Install pixi in an earlier step, set HTTPS_PROXY, or PIXI_REPOURL to a mirror of its repository.',
    });
  const pixi = there ?? (await pixiAt(path, signal));
  if (!pixi) throw new UserError(`pixi ${version} does not run on this machine`);
  addPath(dirname(path));
  return pixi;
}

async function pixiAt(path: string, signal: AbortSignal): Promise<Pixi | undefined> {
  const { stdout } = await command(path, ['--version'], { signal, tolerate: true }).catch(() => ({
    stdout: '',
  }));
  const [, version, major, minor] = /^pixi ((\d+)\.(\d+)\.\S+)/.exec(stdout) ?? [];
  if (!version) return undefined;
  if (Number(major) > oldest[0] || Number(minor) >= oldest[1]) return { path, version };
  process.stdout.write(`pixi ${version} on PATH is older than ${oldest.join('.')} and is not used.\n`);
  return undefined;
}
