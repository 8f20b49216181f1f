import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { command } from '@mlops/core/process';
import { condaSubdir } from '../../../actions/setup-python-cuda/src/conda/subdir.ts';
import { pathWithoutUv, root, uv } from './workbench.ts';

export const subdir = condaSubdir(process.platform, process.arch) ?? '';
/** The folder of a channel with a Python and a few small packages. */
export let channel: string;
/** Its address. */
export let channelUrl: string;
let python: string;

/** Makes the channel and what the stand-ins of micromamba, conda and pixi run with, once for a file's tests. */
export async function makeChannel(): Promise<void> {
  const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
  const venv = join(root, 'rattler');
  python = join(venv, 'bin/python');
  await command(uv, ['venv', '--quiet', venv]);
  const requirements = ['--require-hashes', '-r', here('conda-requirements.txt')];
  await command(uv, ['pip', 'install', '--quiet', '--python', python, ...requirements]);
  channel = join(root, 'channel');
  await command(python, [here('conda-channel.py'), channel, subdir]);
  channelUrl = pathToFileURL(channel).href;
}

/** One call of a stand-in; `modes` are those of the files with credentials that its environment names. */
export interface Call {
  tool: string;
  args: string[];
  env: Record<string, string>;
  modes: Record<string, string>;
}

/** Puts stand-ins on PATH, and says what the action called them with. */
export async function standIns(folder: string, ...names: ('micromamba' | 'conda' | 'pixi')[]) {
  const bin = join(folder, 'tools-bin');
  await mkdir(bin, { recursive: true });
  const source = await readFile(new URL('conda-tools.py', import.meta.url), 'utf8');
  for (const name of names) {
    await writeFile(join(bin, name), `#!${python}\n${source}`);
    await chmod(join(bin, name), 0o755);
  }
  const log = join(root, `calls-${names.join('-')}-${Math.random()}.jsonl`);
  await writeFile(log, '');
  const PATH = [bin, pathWithoutUv].join(delimiter);
  const env = { PATH, CONDA_CALLS: log, MAMBA_EXE: undefined, CONDA_EXE: undefined, CONDA: undefined };
  const calls = async (): Promise<Call[]> =>
    (await readFile(log, 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  return { env, calls };
}
