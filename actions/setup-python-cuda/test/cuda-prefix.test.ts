import type { Context } from '@mlops/core';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { action } from '../src/action.ts';
import { cudaForPrefix } from '../src/cuda/prefix.ts';

beforeEach(() => {
  // No nvidia-smi, and nobody to tell.
  vi.stubEnv('PATH', '/no/such/folder');
  vi.stubEnv('GITHUB_ENV', '');
  vi.stubEnv('CONDA_OVERRIDE_CUDA', undefined);
});
afterEach(() => vi.unstubAllEnvs());

const context = () =>
  ({ signal: new AbortController().signal, outputs: {} }) as unknown as Context<typeof action>;
const inputs = (cuda: string, cudaPackages: string[] = [], activate = true) => ({
  cuda,
  cudaPackages,
  activate,
});

describe.skipIf(process.platform !== 'linux')('conda and pixi', () => {
  test.each([
    ['12.8', '12.8'],
    ['cu118', '11.8'],
    ['12', '12'],
  ])('are told CUDA %s', async (cuda, override) => {
    const running = context();
    expect(await cudaForPrefix(inputs(cuda), running, 'conda')).toEqual({ CONDA_OVERRIDE_CUDA: override });
    expect(process.env.CONDA_OVERRIDE_CUDA).toBe(override);
    expect(running.outputs).toEqual({ cudaVersion: override, gpuJson: '[]' });
  });

  test('are told of none for cpu', async () => {
    const running = context();
    expect(await cudaForPrefix(inputs('cpu'), running, 'conda')).toEqual({ CONDA_OVERRIDE_CUDA: '' });
    expect(running.outputs).not.toHaveProperty('cudaVersion');
  });

  test('ask the driver themselves for auto', async () => {
    expect(await cudaForPrefix(inputs('auto'), context(), 'pixi')).toEqual({});
    expect(process.env.CONDA_OVERRIDE_CUDA).toBeUndefined();
  });

  test('leave later steps alone where they are not activated', async () => {
    expect(await cudaForPrefix(inputs('12.8', [], false), context(), 'conda')).toEqual({
      CONDA_OVERRIDE_CUDA: '12.8',
    });
    expect(process.env.CONDA_OVERRIDE_CUDA).toBeUndefined();
  });

  test('have the toolkit in their channels', async () => {
    await expect(cudaForPrefix(inputs('12.8', ['nvcc']), context(), 'conda')).rejects.toMatchObject({
      message: "input cuda-packages: 'nvcc' has no meaning for conda",
      advice: expect.stringContaining("'cuda-nvcc'"),
    });
    await expect(cudaForPrefix(inputs('none', ['nvcc']), context(), 'pixi')).rejects.toThrow(
      'no meaning for pixi',
    );
  });

  test('do not take what is no version', async () => {
    await expect(cudaForPrefix(inputs('yes'), context(), 'conda')).rejects.toThrow(
      "input cuda: 'yes' is neither a version of CUDA",
    );
  });
});
