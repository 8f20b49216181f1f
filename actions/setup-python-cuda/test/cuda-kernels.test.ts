import type { UserError } from '@mlops/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeTorch, runsOn, type TorchReport } from '../src/cuda/kernel-check.ts';

describe('code for one architecture', () => {
  test.each([
    [['sm_80'], 80, true],
    [['sm_80'], 86, true],
    [['sm_86'], 80, false],
    [['sm_80'], 90, false],
    [['compute_80'], 90, true],
    [['compute_90'], 80, false],
    [['sm_70', 'sm_75', 'compute_75'], 120, true],
    [['sm_75', 'sm_80', 'sm_90', 'sm_100', 'sm_120'], 70, false],
    [['sm_90a'], 90, true],
    [['sm_90a'], 100, false],
    [['sm_100f'], 103, true],
    [['sm_100'], 120, false],
    [['gfx90a', ''], 90, false],
    [[], 90, false],
  ])('%j on %i: %s', (architectures, capability, runs) => {
    expect(runsOn(architectures, capability)).toBe(runs);
  });

  test('runs on what it was built for, and on nothing older', () => {
    fc.assert(
      fc.property(fc.integer({ min: 30, max: 130 }), fc.integer({ min: 30, max: 130 }), (built, gpu) => {
        expect(runsOn([`sm_${built}`], built)).toBe(true);
        expect(runsOn([`compute_${built}`], built)).toBe(true);
        if (gpu < built) expect(runsOn([`sm_${built}`, `compute_${built}`], gpu)).toBe(false);
      }),
    );
  });
});

describe('PyTorch on the GPUs', () => {
  const working: TorchReport = {
    version: '2.9.0+cu128',
    cuda: '12.8',
    architectures: ['sm_75', 'sm_80', 'sm_86', 'sm_90', 'sm_100', 'sm_120'],
    gpus: [{ name: 'NVIDIA H100', capability: [9, 0] }],
  };
  const refusal = (report: TorchReport, fitting: string[] = ['cu130', 'cu128', 'cpu']): string => {
    try {
      return expect.fail(judgeTorch(report, 'cu128', fitting));
    } catch (error) {
      expect((error as UserError).name).toBe('UserError');
      return (error as UserError).toString();
    }
  };

  test('works', () => {
    expect(judgeTorch(working, 'cu128', [])).toBe(
      'PyTorch 2.9.0+cu128 has kernels for NVIDIA H100 and computes on it.',
    );
    const two = {
      ...working,
      gpus: [...(working.gpus ?? []), { name: 'Tesla T4', capability: [7, 5] as [number, number] }],
    };
    expect(judgeTorch(two, 'cu128', [])).toContain('NVIDIA H100, Tesla T4 and computes on them');
  });

  test('that is not installed is nothing to check', () => {
    expect(judgeTorch({}, 'cu128', [])).toBe('PyTorch is not installed, so there are no kernels to check.');
  });

  test('without kernels for a GPU: which backend has them', () => {
    const v100: TorchReport = {
      ...working,
      gpus: [{ name: 'Tesla V100', capability: [7, 0] }],
      error: 'no kernel image',
    };
    expect(refusal(v100, ['cu126', 'cu125', 'cpu'])).toBe(
      "PyTorch 2.9.0+cu128 has no kernels for Tesla V100 (Volta, sm_70); it has them for sm_75, sm_80, sm_86, sm_90, sm_100, sm_120\nChoose 'cuda: 12.6', or another version of PyTorch: builds of cu90 to cu126 have them.",
    );
    expect(refusal(v100, ['cpu'])).toContain('Choose another version of PyTorch');
  });

  test('of which the second GPU is too new', () => {
    const gpus = [...(working.gpus ?? []), { name: 'NVIDIA X', capability: [13, 0] as [number, number] }];
    expect(refusal({ ...working, gpus })).toContain('no kernels for NVIDIA X (newer than Blackwell, sm_130)');
  });

  test('for processors', () => {
    expect(refusal({ version: '2.9.0+cpu', cuda: null })).toMatch(
      /PyTorch 2\.9\.0\+cpu is a build for processors, although cu128 was chosen\n.*index in pyproject\.toml/,
    );
  });

  test.each([
    'RuntimeError: CUDA error: out of memory',
    'ImportError: libcudnn.so.9: cannot open shared object file',
    'ArithmeticError: on GPU 0 the sum of a product of matrices is 0.0 and not 4096',
  ])('that fails with %s', (error) => {
    expect(refusal({ ...working, error })).toMatch(
      new RegExp(`does not work on this machine's GPUs: .*${error.slice(-12)}`),
    );
  });

  test('that cannot even be imported', () => {
    expect(refusal({ error: 'ImportError: libcublas.so.12' })).toContain(
      "PyTorch does not work on this machine's GPUs: ImportError: libcublas.so.12",
    );
  });

  test('that sees no GPU', () => {
    expect(refusal({ ...working, gpus: [] })).toMatch(/sees no GPU, although nvidia-smi does\n.*--gpus all/);
  });
});
