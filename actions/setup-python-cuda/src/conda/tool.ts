import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { addPath, UserError } from '@mlops/core';
import { downloadRelease, executable, findOnPath, toolFolder, versionOf } from '../tool-release.ts';
import { micromambaRelease } from './micromamba-release.ts';
import { condaSubdir } from './subdir.ts';

/** The program that makes conda environments. */
export interface CondaTool {
  name: 'micromamba' | 'mamba' | 'conda';
  /** Absolute. */
  path: string;
  version: string;
  /** Whose command line it has: mamba from version 2 on has that of micromamba, mamba 1 that of conda. */
  cli: 'micromamba' | 'conda';
}

/**
 * Finds micromamba, mamba or conda: on PATH, by MAMBA_EXE or CONDA_EXE, or where hosted runners keep Miniconda (CONDA).
 * Where there is none, micromamba is installed.
 */
export async function findOrInstallConda(
  wanted: CondaTool['name'] | 'auto',
  signal: AbortSignal,
): Promise<CondaTool> {
  for (const path of candidates(process.env, process.platform)) {
    const name = nameOf(path);
    if (!name || (wanted !== 'auto' && wanted !== name)) continue;
    const tool = await toolAt(name, path, signal);
    if (tool) return tool;
  }
  if (wanted === 'mamba' || wanted === 'conda')
    throw new UserError(`input conda-tool: there is no ${wanted} on this runner`, {
      advice: `Install it in an earlier step, or leave it at 'auto', which installs micromamba.`,
    });
  return installMicromamba(signal);
}

/** Where the tools may be, in the order in which they are preferred. */
export function candidates(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): string[] {
  const onPath = (name: string) => findOnPath(name) ?? [];
  const named = (path: string | undefined) => (path && existsSync(path) ? path : []);
  const bundled = env.CONDA
    ? named(join(env.CONDA, ...(platform === 'win32' ? ['Scripts', 'conda.exe'] : ['bin', 'conda'])))
    : [];
  return [
    onPath('micromamba'),
    named(env.MAMBA_EXE),
    onPath('mamba'),
    onPath('conda'),
    named(env.CONDA_EXE),
    bundled,
  ].flat();
}

function nameOf(path: string): CondaTool['name'] | undefined {
  const name = basename(path).replace(/\.exe$/i, '');
  return name === 'micromamba' || name === 'mamba' || name === 'conda' ? name : undefined;
}

async function toolAt(
  name: CondaTool['name'],
  path: string,
  signal: AbortSignal,
): Promise<CondaTool | undefined> {
  const version = await versionOf(path, new RegExp(`^(?:${name} )?(\\d+\\.\\d[\\w.]*)`, 'm'), signal);
  if (!version) return undefined;
  const cli = name === 'conda' || (name === 'mamba' && version.startsWith('1.')) ? 'conda' : 'micromamba';
  return { name, path, version, cli };
}

/** Installs micromamba from its release page, or from a mirror of it that MICROMAMBA_REPOURL names. */
async function installMicromamba(signal: AbortSignal): Promise<CondaTool> {
  const { version, sha256 } = micromambaRelease;
  const subdir = condaSubdir(process.platform, process.arch);
  const pinned = subdir && sha256[subdir];
  if (!pinned)
    throw new UserError(`there is no micromamba for this runner (${process.platform} ${process.arch})`, {
      advice: 'Install conda or mamba in an earlier step; one on PATH is used as it is.',
    });
  const path = join(toolFolder('micromamba', version), executable('micromamba'));
  const find = () => toolAt('micromamba', path, signal);
  const there = await find();
  if (!there)
    await downloadRelease(
      {
        name: 'micromamba',
        version,
        address: process.env.MICROMAMBA_REPOURL || 'https://github.com/mamba-org/micromamba-releases',
        tag: version,
        file: `micromamba-${subdir}`,
        stripped: 0,
        sha256: pinned,
        advice:
          'Install micromamba, mamba or conda in an earlier step, set HTTPS_PROXY, or MICROMAMBA_REPOURL to a mirror of its release repository.',
      },
      find,
    );
  const tool = there ?? (await find());
  if (!tool) throw new UserError(`micromamba ${version} does not run on this machine`);
  addPath(dirname(path));
  return tool;
}
