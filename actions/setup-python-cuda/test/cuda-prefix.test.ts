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
const inputs = (cuda: string, activate = true) => ({ cuda, activate });

describe.skipIf(process.platform !== 'linux')('conda and pixi', () => {
  test.each([
    ['12.8', '12.8'],
    ['cu118', '11.8'],
    ['12', '12'],
  ])('are told CUDA %s', async (cuda, override) => {
    const running = context();
    expect(await cudaForPrefix(inputs(cuda), running)).toEqual({ CONDA_OVERRIDE_CUDA: override });
    expect(process.env.CONDA_OVERRIDE_CUDA).toBe(override);
    expect(running.outputs).toEqual({ cudaVersion: override, gpuJson: '[]' });
  });

  test('are told of none for cpu', async () => {
    const running = context();
    expect(await cudaForPrefix(inputs('cpu'), running)).toEqual({ CONDA_OVERRIDE_CUDA: '' });
    expect(running.outputs).not.toHaveProperty('cudaVersion');
  });

  test('ask the driver themselves for auto', async () => {
    expect(await cudaForPrefix(inputs('auto'), context())).toEqual({});
    expect(process.env.CONDA_OVERRIDE_CUDA).toBeUndefined();
  });

  test('leave later steps alone where they are not activated', async () => {
    expect(await cudaForPrefix(inputs('12.8', false), context())).toEqual({
      CONDA_OVERRIDE_CUDA: '12.8',
    });
    expect(process.env.CONDA_OVERRIDE_CUDA).toBeUndefined();
  });

  test('do not take what is no version', async () => {
    await expect(cudaForPrefix(inputs('yes'), context())).rejects.toThrow(
      "input cuda: 'yes' is neither a version of CUDA",
    );
  });
});
