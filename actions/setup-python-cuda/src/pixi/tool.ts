import { dirname, join } from 'node:path';
import { addPath, UserError } from '@mlops/core';
import { downloadRelease, executable, findOnPath, toolFolder, versionOf } from '../tool-release.ts';
import { targetTriple } from '../uv/uv-release.ts';
import { compareVersions } from '../versions.ts';
import { pixiRelease } from './pixi-release.ts';

export interface Pixi {
  /** Absolute. */
  path: string;
  version: string;
}

/** The oldest pixi that says an environment's variables as JSON. */
const oldest = '0.21';

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
  const find = () => pixiAt(path, signal);
  const there = await find();
  if (!there)
    await downloadRelease(
      {
        name: 'pixi',
        version,
        address: process.env.PIXI_REPOURL || 'https://github.com/prefix-dev/pixi',
        tag: `v${version}`,
        file: `pixi-${triple}.${process.platform === 'win32' ? 'zip' : 'tar.gz'}`,
        stripped: 0,
        sha256,
        advice:
          'Install pixi in an earlier step, set HTTPS_PROXY, or PIXI_REPOURL to a mirror of its repository.',
      },
      find,
    );
  const pixi = there ?? (await find());
  if (!pixi) throw new UserError(`pixi ${version} does not run on this machine`);
  addPath(dirname(path));
  return pixi;
}

async function pixiAt(path: string, signal: AbortSignal): Promise<Pixi | undefined> {
  const version = await versionOf(path, /^pixi (\d+\.\d+\.\S+)/, signal);
  if (!version) return undefined;
  if (compareVersions(version, oldest) >= 0) return { path, version };
  process.stdout.write(`pixi ${version} on PATH is older than ${oldest} and is not used.\n`);
  return undefined;
}
