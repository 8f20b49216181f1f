import { join } from 'node:path';
import { annotate, exportVariable, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import { normalName } from '../requirements.ts';
import type { Uv } from '../uv/uv.ts';
import { venvPaths } from '../venv.ts';
import { cudaVersion } from './backend.ts';
import type { Decision } from './decide.ts';
import { activateCudaHome, cudaHomeOf, makeCudaHome } from './home.ts';
import { askTorch, judgeTorch } from './kernel-check.ts';
import { checkNvcc } from './nvcc-check.ts';
import type { CudaTarget } from './plan.ts';
import { exportBackend } from './publish.ts';

interface Installed {
  uv: Uv;
  /** Absolute path of the environment that everything is installed in. */
  venv: string;
  folder: string;
  temp: string;
  /** Whether the steps that follow are to find what was installed. */
  activate: boolean;
  signal: AbortSignal;
}

/** What there is to do once everything is installed: tidy up, put the toolkit together, try the GPUs. */
export async function finishCuda(
  installed: Installed,
  decision: Decision,
  { settled, unsynced }: CudaTarget,
): Promise<void> {
  const { wish, machine } = decision;
  const { venv, temp, signal, activate } = installed;
  const { backend, only } = settled;
  const { python } = venvPaths(venv, process.platform);
  if (only) await removeOthers(installed, python, only);
  if (activate) exportBackend(decision, backend);
  if (unsynced && activate) {
    exportVariable('UV_NO_SYNC', '1');
    annotate(
      'notice',
      "'uv run' in later steps leaves the environment as it is (UV_NO_SYNC=1): by itself it would bring back what the lock says.",
      { title: 'uv run does not sync' },
    );
  }
  const version = cudaVersion(backend);
  if (wish.components.length && version) {
    const home = cudaHomeOf(venv);
    await makeCudaHome(
      home,
      join(await sitePackages(python, installed), 'nvidia'),
      version[0],
      process.platform,
    );
    process.stdout.write(`CUDA_HOME is ${home}\n`);
    if (activate) activateCudaHome(home, process.platform);
    if (wish.components.includes('nvcc')) await checkNvcc(home, { temp, signal });
  }
  if (!machine.gpus.length || !version) {
    process.stdout.write(
      `Kernels are not checked: ${machine.gpus.length ? `${backend} is not for GPUs` : 'there is no GPU here'}.\n`,
    );
    return;
  }
  process.stdout.write(`${judgeTorch(await askTorch(python, { temp, signal }), backend, wish.fitting)}\n`);
}

/** Removes what an earlier lock has left in an environment that is used again. */
async function removeOthers(
  { uv, folder, signal }: Installed,
  python: string,
  only: ReadonlySet<string>,
): Promise<void> {
  const { stdout } = await uv.run(['pip', 'freeze', '--python', python], { cwd: folder, signal });
  // Projects and what comes from an address or a commit have no version here, and are the lock's own.
  const names = stdout
    .split('\n')
    .flatMap((line) => /^([\w.-]+)==/.exec(line)?.[1] ?? [])
    .map(normalName);
  const others = names.filter((name) => !only.has(name) && !seeds.includes(name));
  if (!others.length) return;
  await uv.run(['pip', 'uninstall', '--python', python, ...others], { cwd: folder, signal, loud: true });
}

/** What environments are made with. */
const seeds = ['pip', 'setuptools', 'wheel'];

async function sitePackages(python: string, { folder, signal }: Installed): Promise<string> {
  const code = 'import sysconfig; print(sysconfig.get_path("purelib"))';
  const { stdout } = await command(python, ['-I', '-c', code], { cwd: folder, signal });
  const path = stdout.trim();
  if (!path) throw new UserError(`${python} does not say where its packages are`);
  return path;
}
