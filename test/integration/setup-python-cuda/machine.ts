import { chmod } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { ActionOptions, ActionResult } from '@mlops/testkit/runner-files';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { startTorchIndex, type TorchIndex } from './torch-index.ts';
import { pathWithoutUv, root, runUv, setUp, uv, workspace, write } from './workbench.ts';

/** Machines with GPUs, as far as the action can tell, and PyTorch's indexes on this machine. */

export let index: TorchIndex;
beforeAll(async () => {
  const python = (await setUp({ workspace: root, inputs: { install: false } })).outputs['python-path'];
  index = await startTorchIndex(uv, python ?? '', join(root, 'index'));
});
afterAll(() => index?.close());
beforeEach(() => {
  index.fetched.length = 0;
});

interface OnMachine extends ActionOptions {
  /** Lines of nvidia-smi: driver, name, capability, MiB, MIG, UUID. None: no nvidia-smi. */
  gpus?: string[];
  /** A script in its stead. */
  nvidiaSmi?: string;
  /** What torch says of itself and its GPUs. */
  torch?: object;
}

/** Runs the action against the local indexes, on a machine with these GPUs. */
export async function onMachine({ gpus, nvidiaSmi, torch, ...options }: OnMachine): Promise<ActionResult> {
  const lines = gpus?.map((line, number) => `${number}, ${line}`).join('\n');
  const script = nvidiaSmi ?? (lines && `cat <<'END'\n${lines}\nEND`);
  if (script) {
    await write({ 'smi/nvidia-smi': `#!/bin/sh\n${script}\n` });
    await chmod(join(workspace, 'smi/nvidia-smi'), 0o755);
  }
  const PATH = script ? [join(workspace, 'smi'), pathWithoutUv].join(delimiter) : pathWithoutUv;
  return setUp({
    ...options,
    env: {
      ...index.env,
      PATH,
      ...(torch ? { STAND_IN_TORCH: JSON.stringify(torch) } : {}),
      ...options.env,
    },
  });
}

export const t4 = '570.86.10, Tesla T4, 7.5, 15360, [N/A], GPU-1';
export const v100 = '580.95.05, Tesla V100-SXM2-16GB, 7.0, 16384, [N/A], GPU-2';
export const h100 = '580.95.05, NVIDIA H100 80GB HBM3, 9.0, 81559, Disabled, GPU-3';

/** A project of uv's, locked against the local index. */
export async function project(dependencies: string[], more = ''): Promise<void> {
  await write({
    'pyproject.toml': `[project]\nname = "demo"\nversion = "0.1.0"\nrequires-python = ">=3.10"\ndependencies = ${JSON.stringify(dependencies)}\n${more}`,
  });
  await runUvHere('lock');
}

export async function runUvHere(...args: string[]): Promise<string> {
  const saved = { ...process.env };
  Object.assign(process.env, index.env);
  try {
    return await runUv(...args);
  } finally {
    for (const name of Object.keys(index.env)) delete process.env[name];
    Object.assign(process.env, saved);
  }
}

/** Requirements with all their hashes, from the local index. */
export async function hashed(requirements: string): Promise<void> {
  await write({ 'requirements.in': requirements });
  await runUvHere(
    'pip',
    'compile',
    '--generate-hashes',
    '--no-header',
    'requirements.in',
    '-o',
    'requirements.txt',
  );
}

export const notices = ({ annotations }: ActionResult) =>
  annotations.filter(({ level }) => level === 'notice');
