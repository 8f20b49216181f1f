import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { h100, hashed, index, notices, onMachine, project, t4, v100 } from './setup-python-cuda/machine.ts';
import { errorOf, installed, windows, workspace, write } from './setup-python-cuda/workbench.ts';

const gpuOf = (name: string, ...capability: number[]) => [name, ...capability];

describe.skipIf(windows)('what cannot work fails before any download', () => {
  test.each([
    [
      '13.0',
      [t4],
      /driver 570\.86\.10 is too old for CUDA 13\.0\nThe newest that it serves is 12\.9: choose 'cuda: 12\.9' or 'auto'/,
    ],
    [
      '12.8',
      [v100],
      /CUDA 12\.8 has no kernels for Tesla V100-SXM2-16GB \(Volta, sm_70\)\n.*choose 'cuda: 12\.6' or 'auto'/,
    ],
    [
      '12.6',
      ['580.95.05, NVIDIA B200, 10.0, 183359, Disabled, GPU-4'],
      /CUDA 12\.6 has no kernels for NVIDIA B200 \(Blackwell, sm_100\)/,
    ],
    [
      'auto',
      ['331.20, Tesla K80, 3.7, 11441, [N/A], GPU-5'],
      /driver 331\.20 is too old for every CUDA that uv knows\n.*'cuda: cpu'/,
    ],
    ['12.7', undefined, /uv [\d.]+ knows no CUDA 12\.7\nIt knows 13\./],
    [
      'yes',
      undefined,
      /input cuda: 'yes' is neither a version of CUDA nor 'none', 'auto' or 'cpu'\nuv knows/,
    ],
    ['rocm6.4', undefined, /'rocm6\.4' is neither a version of CUDA/],
  ] as const)('cuda: %s on %j', async (cuda, gpus, message) => {
    await hashed('torch\n');
    index.fetched.length = 0;
    const result = await onMachine({ inputs: { cuda }, ...(gpus && { gpus: [...gpus] }) });
    expect(errorOf(result)?.message).toMatch(message);
    expect(index.fetched).toEqual([]);
    expect(existsSync(join(workspace, '.venv'))).toBe(false);
    expect(result.stdout).not.toContain('Installed');
  });

  test('a version of PyTorch that has no build for the CUDA asked for: which CUDA has one', async () => {
    await project(['torch==2.9.0', 'six']);
    index.fetched.length = 0;
    const error = errorOf(await onMachine({ inputs: { cuda: '12.9' } }));
    expect(error?.message).toMatch(/for CUDA 12\.9 there is not what is wanted: .*torch==2\.9\.0/s);
    expect(error?.message).toContain("For CUDA 13.0 there is: choose 'cuda: 13.0'");
    expect(index.fetched).toEqual([]);
  });

  test.each([
    [
      'none',
      ["input cuda-packages: 'nvcc' is for a version of CUDA, and 'cuda: none' names none", "'cuda: 13'"],
    ],
    ['cpu', ["and 'cuda: cpu' names none"]],
    ['auto', ["'cuda: auto' finds no GPU here that would decide it"]],
    [
      '12.8',
      [
        "NVIDIA's wheels have no nvcc for CUDA 12.8, only ptxas and libnvvm",
        "Choose 'cuda: 13'",
        'conda-forge',
      ],
    ],
  ])('cuda-packages with cuda: %s', async (cuda, messages) => {
    await write({ 'requirements.txt': 'six\n' });
    const error = errorOf(await onMachine({ inputs: { cuda, 'cuda-packages': 'nvcc cudart' } }));
    for (const message of messages) expect(error?.message).toContain(message);
    expect(index.fetched).toEqual([]);
  });
});

describe.skipIf(windows)('the GPUs that are found', () => {
  test('of several generations: the oldest decides, with a notice', async () => {
    await write({ 'requirements.txt': 'torch==2.9.0\n' });
    const gpus = [gpuOf('NVIDIA H100 80GB HBM3', 9, 0), gpuOf('Tesla V100-SXM2-16GB', 7, 0)];
    const result = await onMachine({
      inputs: { cuda: 'auto' },
      gpus: [h100, v100],
      torch: { gpus, architectures: ['sm_70', 'sm_75', 'sm_90'] },
    });
    expect(await installed(result)).toContain('torch==2.9.0+cu126');
    expect(notices(result).map(({ title }) => title)).toContain('GPUs of several generations');
    expect(result.stdout).toContain('The oldest decides: Volta (sm_70)');
    expect(result.record?.environments[0]?.cuda?.gpus).toHaveLength(2);
  });

  test('a driver that does not work: the build for processors, with a warning', async () => {
    await write({ 'requirements.txt': 'torch==2.9.0\n' });
    const result = await onMachine({
      inputs: { cuda: 'auto' },
      nvidiaSmi: 'echo "Failed to initialize NVML: Driver/library version mismatch"; exit 18',
    });
    expect(await installed(result)).toContain('torch==2.9.0+cpu');
    expect(result.annotations).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        message:
          'There is a driver for GPUs, but it does not work: nvidia-smi says: Failed to initialize NVML: Driver/library version mismatch',
      }),
    );
    expect(result.outputs).not.toHaveProperty('driver-version');
  });

  test('a corrupted infoROM does not matter', async () => {
    await write({ 'requirements.txt': 'torch==2.9.0\n' });
    const result = await onMachine({
      inputs: { cuda: 'auto' },
      nvidiaSmi: `echo "0, ${t4}"; echo "WARNING: infoROM is corrupted at gpu 0000:00:1E.0"; exit 14`,
      torch: { gpus: [gpuOf('Tesla T4', 7, 5)] },
    });
    expect(await installed(result)).toContain('torch==2.9.0+cu128');
    expect(result.annotations).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        message: 'nvidia-smi says: WARNING: infoROM is corrupted at gpu 0000:00:1E.0',
      }),
    );
  });

  test('without an environment the choice is told all the same', async () => {
    const result = await onMachine({ inputs: { cuda: 'auto', install: false }, gpus: [h100] });
    expect(result.outputs).toMatchObject({ 'driver-version': '580.95.05' });
    expect(result.outputs['torch-backend']).toMatch(/^cu13\d$/);
    expect(result.env.UV_TORCH_BACKEND).toBe(result.outputs['torch-backend']);
  });
});

describe.skipIf(windows)('the check of kernels', () => {
  const h100Found = gpuOf('NVIDIA H100 80GB HBM3', 9, 0);
  const check = async (torch: object, cuda = 'auto') => {
    await write({ 'requirements.txt': 'torch==2.9.0\n' });
    return onMachine({ inputs: { cuda }, gpus: [h100], torch });
  };

  test('finds kernels that are missing, and the backend that has them', async () => {
    const error = errorOf(
      await check(
        { gpus: [h100Found], architectures: ['sm_75', 'sm_80'], matmul: 'no kernel image' },
        '12.8',
      ),
    );
    expect(error?.message).toBe(
      "PyTorch 2.9.0+cu128 has no kernels for NVIDIA H100 80GB HBM3 (Hopper, sm_90); it has them for sm_75, sm_80\nChoose 'cuda: 13.2', or another version of PyTorch: builds of cu118 and later have them.",
    );
  });

  test.each([
    [{ gpus: [h100Found], matmul: 'CUDA error: out of memory' }, 'RuntimeError: CUDA error: out of memory'],
    [{ gpus: [h100Found], sum: 0 }, 'the sum of a product of matrices is 0.0 and not 4096'],
    [
      { init: 'The NVIDIA driver on your system is too old' },
      'RuntimeError: The NVIDIA driver on your system is too old',
    ],
    [{ import: 'libcublas.so.12: cannot open shared object file' }, 'ImportError: libcublas.so.12'],
    [{ gpus: [] }, 'PyTorch 2.9.0+cu130 sees no GPU, although nvidia-smi does'],
  ])('fails with %j', async (torch, message) => {
    expect(errorOf(await check(torch))?.message).toContain(message);
  });

  test('is not made for a build for processors', async () => {
    const result = await check({}, 'cpu');
    expect(await installed(result)).toContain('torch==2.9.0+cpu');
    expect(result.stdout).toContain('Kernels are not checked: cpu is not for GPUs.');
  });

  test('tells what fixes a build for processors', async () => {
    await write({ 'requirements.txt': 'torch==2.9.0+cpu\n' });
    const error = errorOf(await onMachine({ inputs: { cuda: 'auto' }, gpus: [h100] }));
    expect(error?.message).toMatch(/torch==2\.9\.0\+cpu/);
    expect(error?.message).toContain("For a processor there is: choose 'cuda: cpu'");
  });
});
