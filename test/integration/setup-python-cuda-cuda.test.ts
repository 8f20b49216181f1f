import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  h100,
  hashed,
  index,
  notices,
  onMachine,
  project,
  runUvHere,
  t4,
  v100,
} from './setup-python-cuda/machine.ts';
import { errorOf, installed, windows, workspace, write } from './setup-python-cuda/workbench.ts';

describe.skipIf(windows)('requirements without hashes', () => {
  test('cuda: none takes what the index says', async () => {
    await write({ 'requirements.txt': 'torch\n' });
    const result = await onMachine({ gpus: [h100] });
    expect(await installed(result)).toContain('torch==2.9.0');
    expect(result.outputs).not.toHaveProperty('torch-backend');
    expect(result.outputs).not.toHaveProperty('gpu-json');
    expect(result.record?.environments[0]).not.toHaveProperty('cuda');
    expect(result.env).not.toHaveProperty('UV_TORCH_BACKEND');
  });

  test('auto without a GPU is the build for processors', async () => {
    await write({ 'requirements.txt': 'torch==2.9.0\nsix\n' });
    const result = await onMachine({ inputs: { cuda: 'auto' } });
    expect(await installed(result)).toEqual(['filelock==3.20.0', 'six==1.17.0', 'torch==2.9.0+cpu']);
    expect(result.outputs).toMatchObject({ 'torch-backend': 'cpu', 'gpu-json': '[]' });
    expect(result.outputs['index-url']).toMatch(/^https:\/\/\S+\/cpu$/);
    expect(result.outputs).not.toHaveProperty('cuda-version');
    expect(result.env).toMatchObject({ UV_TORCH_BACKEND: 'cpu' });
    expect(result.env).not.toHaveProperty('CONDA_OVERRIDE_CUDA');
    expect(result.stdout).toContain('No GPU of NVIDIA is found here.');
  });

  test('auto takes the newest backend that the driver serves and whose index has the version', async () => {
    await write({ 'requirements.txt': 'torch==2.9.0\n' });
    const gpu = ['Tesla T4', 7, 5];
    const result = await onMachine({ inputs: { cuda: 'auto' }, gpus: [t4], torch: { gpus: [gpu] } });
    // The driver serves 12.9, for which the index has only 2.8.0.
    expect(await installed(result)).toEqual([
      'filelock==3.20.0',
      'nvidia-cublas-cu12==12.8.4.1',
      'torch==2.9.0+cu128',
      'triton==3.5.0',
    ]);
    expect(result.outputs).toMatchObject({
      'torch-backend': 'cu128',
      'cuda-version': '12.8',
      'driver-version': '570.86.10',
    });
    expect(JSON.parse(result.outputs['gpu-json'] ?? '')).toEqual([
      { name: 'Tesla T4', computeCapability: '7.5', memoryMiB: 15360, mig: false },
    ]);
    expect(result.record?.environments[0]?.cuda).toEqual({
      backend: 'cu128',
      driver: '570.86.10',
      gpus: [{ name: 'Tesla T4', computeCapability: '7.5', memoryMiB: 15360, mig: false }],
    });
    expect(result.stdout).toContain('PyTorch 2.9.0+cu128 has kernels for Tesla T4 and computes on it.');
  });

  test('another backend replaces the build that is there', async () => {
    await write({ 'requirements.txt': 'torch==2.9.0\n' });
    expect(await installed(await onMachine({ inputs: { cuda: '12.6' } }))).toContain('torch==2.9.0+cu126');
    const result = await onMachine({ inputs: { cuda: '12.8' } });
    expect(await installed(result)).toContain('torch==2.9.0+cu128');
    expect(await installed(await onMachine({ inputs: { cuda: 'cpu' } }))).toContain('torch==2.9.0+cpu');
  });

  test('a version works without a GPU, and tells conda', async () => {
    await write({ 'requirements.txt': 'torch\n' });
    const result = await onMachine({ inputs: { cuda: '12.6' } });
    expect(await installed(result)).toContain('torch==2.9.0+cu126');
    expect(result.env).toMatchObject({ CONDA_OVERRIDE_CUDA: '12.6', UV_TORCH_BACKEND: 'cu126' });
    expect(result.stdout).toContain('Kernels are not checked: there is no GPU here.');
  });

  test('a conflict that has nothing to do with CUDA is explained as ever', async () => {
    await write({ 'requirements.txt': 'torch\nsix==1.16.0\nsix==1.17.0\n' });
    const error = errorOf(await onMachine({ inputs: { cuda: 'cpu' } }));
    expect(error).toMatchObject({ file: 'requirements.txt', line: 2 });
    expect(error?.message).toContain('six==1.17.0');
  });
});

test.skipIf(windows)('pyproject.toml without a lock, with an extra for the backend', async () => {
  await write({
    'pyproject.toml':
      '[project]\nname = "demo"\nversion = "0.1.0"\nrequires-python = ">=3.10"\ndependencies = ["six==1.16.0"]\n[project.optional-dependencies]\ncpu = ["torch==2.9.0"]\ncu126 = ["torch==2.8.0"]\n',
  });
  const cpu = await onMachine({ inputs: { cuda: 'auto' } });
  expect(await installed(cpu)).toContain('torch==2.9.0+cpu');
  expect(await installed(await onMachine({ inputs: { cuda: '12' } }))).toContain('torch==2.8.0+cu126');
});

describe.skipIf(windows)('requirements with hashes', () => {
  test('the build is another one, everything else is as locked', async () => {
    await hashed('torch\ntorchvision\nsix==1.16.0\nfilelock==3.19.1\n');
    const result = await onMachine({
      inputs: { cuda: 'auto' },
      gpus: [v100],
      torch: {
        architectures: ['sm_70', 'sm_75'],
        gpus: [['Tesla V100-SXM2-16GB', 7, 0]],
      },
    });
    expect(await installed(result)).toEqual([
      'filelock==3.19.1',
      'nvidia-cublas-cu12==12.6.4.1',
      'six==1.16.0',
      'torch==2.9.0+cu126',
      'torchvision==0.24.0+cu126',
      'triton==3.5.0',
    ]);
    expect(notices(result)).toMatchObject([
      { title: 'PyTorch for this machine', message: expect.stringContaining('torch==2.9.0+cu126') },
    ]);
    expect(result.record?.environments[0]?.lock).toMatchObject({ path: 'requirements.txt' });
    // Nothing of the other build was fetched.
    expect(index.fetched.filter((file) => /^simple\/(torch|nvidia)/.test(file))).toEqual([]);
  });

  test('for processors the libraries of CUDA stay away, but for those that something else needs', async () => {
    await hashed('torch\ngpu-monitor\n');
    const monitor = await onMachine({ inputs: { cuda: 'auto' } });
    expect(await installed(monitor)).toEqual([
      'filelock==3.20.0',
      'gpu-monitor==1.0',
      'nvidia-ml-py==13.0.0',
      'torch==2.9.0+cpu',
    ]);
    await hashed('torch\narray-library\n');
    expect(await installed(await onMachine({ inputs: { cuda: 'auto' } }))).toEqual([
      'array-library==1.0',
      'filelock==3.20.0',
      'nvidia-cublas-cu12==12.8.4.1',
      'torch==2.9.0+cpu',
    ]);
  });

  test('what an earlier lock left in the environment is taken out', async () => {
    await hashed('torch\nsix==1.16.0\n');
    await onMachine({ inputs: { cuda: '12.8' } });
    await hashed('torch\n');
    const result = await onMachine({ inputs: { cuda: 'cpu' } });
    expect(await installed(result)).toEqual(['filelock==3.20.0', 'torch==2.9.0+cpu']);
    const again = await onMachine({ inputs: { cuda: 'cpu' } });
    expect(await installed(again)).toEqual(['filelock==3.20.0', 'torch==2.9.0+cpu']);
    expect(again.stdout).not.toContain('Uninstalled');
    expect(again.record?.environments[0]?.digest).toBe(result.record?.environments[0]?.digest);
  });

  test('a wrong hash of anything else is still refused', async () => {
    await write({
      'requirements.txt': `torch==2.9.0 --hash=sha256:${'1'.repeat(64)}\nsix==1.16.0 --hash=sha256:${'0'.repeat(64)}\nfilelock==3.20.0 --hash=sha256:${'0'.repeat(64)}\n`,
    });
    const error = errorOf(await onMachine({ inputs: { cuda: 'cpu' } }));
    expect(error?.message).toMatch(/Hash mismatch for `(six|filelock)==/);
  });
});

describe.skipIf(windows)('uv.lock', () => {
  test('the torch family comes for the backend, uv run keeps it', async () => {
    await project(['torch', 'torchvision', 'six==1.16.0']);
    const result = await onMachine({
      inputs: { cuda: 'auto' },
      gpus: [h100],
      torch: {
        gpus: [['NVIDIA H100 80GB HBM3', 9, 0]],
      },
    });
    expect(await installed(result)).toEqual([
      'filelock==3.20.0',
      'nvidia-cublas==13.0.0.19',
      'six==1.16.0',
      'torch==2.9.0+cu130',
      'torchvision==0.24.0+cu130',
      'triton==3.5.0',
    ]);
    expect(result.env).toMatchObject({ UV_NO_SYNC: '1', UV_TORCH_BACKEND: 'cu130' });
    expect(notices(result).map(({ title }) => title)).toEqual([
      'PyTorch for this machine',
      'uv run does not sync',
    ]);
    const python = await runUvHere(
      'run',
      '--no-sync',
      'python',
      '-c',
      'import torch; print(torch.__version__)',
    );
    expect(python).toBe('2.9.0+cu130');
  });

  test('versions that differ by platform stay what they are', async () => {
    await project([
      'torch',
      "six==1.16.0 ; sys_platform == 'win32'",
      "six==1.17.0 ; sys_platform != 'win32'",
    ]);
    const result = await onMachine({ inputs: { cuda: 'cpu' } });
    expect(await installed(result)).toEqual(['filelock==3.20.0', 'six==1.17.0', 'torch==2.9.0+cpu']);
  });

  test('without a package of PyTorch it is left alone', async () => {
    await project(['six==1.16.0']);
    const result = await onMachine({ inputs: { cuda: 'auto' }, gpus: [h100] });
    expect(await installed(result)).toEqual(['six==1.16.0']);
    expect(result.stdout).toContain("The project has no package of PyTorch's");
    expect(result.stdout).toContain('PyTorch is not installed, so there are no kernels to check.');
    expect(result.env).not.toHaveProperty('UV_NO_SYNC');
    expect(notices(result)).toEqual([]);
  });

  test('extras named for backends are chosen among', async () => {
    const versions = `[project.optional-dependencies]
cpu = ["torch==2.9.0"]
cu128 = ["torch==2.9.0"]
[tool.uv]
conflicts = [[{ extra = "cpu" }, { extra = "cu128" }]]
[tool.uv.sources]
torch = [{ index = "of-cpu", extra = "cpu" }, { index = "of-cu128", extra = "cu128" }]
[[tool.uv.index]]
name = "of-cpu"
url = "${index.env.UV_DEFAULT_INDEX?.replace('simple', 'cpu')}"
explicit = true
[[tool.uv.index]]
name = "of-cu128"
url = "${index.env.UV_DEFAULT_INDEX?.replace('simple', 'cu128')}"
explicit = true
`;
    await project(['six==1.16.0'], versions);
    const onGpu = await onMachine({
      inputs: { cuda: 'auto' },
      gpus: [h100],
      torch: {
        gpus: [['NVIDIA H100 80GB HBM3', 9, 0]],
      },
    });
    expect(await installed(onGpu)).toContain('torch==2.9.0+cu128');
    expect(onGpu.outputs['torch-backend']).toBe('cu128');
    expect(onGpu.env).toMatchObject({ UV_NO_SYNC: '1' });
    const without = await onMachine({ inputs: { cuda: 'auto' } });
    expect(await installed(without)).toEqual(['filelock==3.20.0', 'six==1.16.0', 'torch==2.9.0+cpu']);
    expect(without.stdout).toContain("by the extra 'cpu'");

    const error = errorOf(await onMachine({ inputs: { cuda: '12.6' } }));
    expect(error?.message).toContain("no extra for 'cuda: 12.6', which means cu126 here");
    expect(error?.message).toContain('It has cpu, cu128');
    const other = errorOf(await onMachine({ inputs: { cuda: 'auto', extras: 'cu128' } }));
    expect(other?.message).toContain(
      "'cu128' is for another backend than 'cuda: auto', which means cpu here",
    );
  });

  test('an extra whose index has versions without a build is taken at its word', async () => {
    await project(
      ['six==1.16.0'],
      '[project.optional-dependencies]\ncpu = ["torch==2.8.0"]\ncu126 = ["torch==2.9.0"]\n[tool.uv]\nconflicts = [[{ extra = "cpu" }, { extra = "cu126" }]]\n[tool.uv.sources]\ntorch = [{ index = "of-cpu", extra = "cpu" }]\n[[tool.uv.index]]\nname = "of-cpu"\n' +
        `url = "${index.env.UV_DEFAULT_INDEX?.replace('simple', 'cpu')}"\nexplicit = true\n`,
    );
    const result = await onMachine({ inputs: { cuda: '12' } });
    expect(await installed(result)).toContain('torch==2.9.0');
    expect(result.outputs['torch-backend']).toBe('cu126');
    expect(notices(result).map(({ title }) => title)).toEqual(['uv run does not sync']);
  });

  test('a lock whose build runs here is kept, hashes and all; another one is replaced', async () => {
    const pinned = `[tool.uv.sources]
torch = { index = "of-cu128" }
[[tool.uv.index]]
name = "of-cu128"
url = "${index.env.UV_DEFAULT_INDEX?.replace('simple', 'cu128')}"
explicit = true
`;
    await project(['torch'], pinned);
    const onGpu = await onMachine({
      inputs: { cuda: 'auto' },
      gpus: [h100],
      torch: {
        gpus: [['NVIDIA H100 80GB HBM3', 9, 0]],
      },
    });
    expect(await installed(onGpu)).toContain('torch==2.9.0+cu128');
    expect(notices(onGpu)).toEqual([]);
    expect(onGpu.env).not.toHaveProperty('UV_NO_SYNC');
    const without = await onMachine({ inputs: { cuda: 'auto' } });
    expect(await installed(without)).toEqual(['filelock==3.20.0', 'torch==2.9.0+cpu']);
  });
});

describe.skipIf(windows)('other locks', () => {
  test('pylock.toml', async () => {
    await project(['torch', 'six==1.16.0']);
    await runUvHere('export', '--format', 'pylock.toml', '--no-emit-project', '-o', 'pylock.toml', '--quiet');
    const result = await onMachine({ inputs: { cuda: 'cpu', 'dependency-files': 'pylock.toml' } });
    expect(await installed(result)).toEqual(['filelock==3.20.0', 'six==1.16.0', 'torch==2.9.0+cpu']);
  });

  test('Pipfile.lock', async () => {
    await hashed('torch\nsix==1.16.0\n');
    const text = await runUvHere(
      'pip',
      'compile',
      '--generate-hashes',
      '--no-header',
      '--no-annotate',
      '-q',
      'requirements.in',
    );
    const entries = text.split(/\n(?=\S)/).map((entry) => {
      const [, name = '', version = ''] = /^(\S+)==(\S+)/.exec(entry) ?? [];
      return [name, { version: `==${version}`, hashes: entry.match(/sha256:[0-9a-f]+/g) ?? [] }];
    });
    await write({
      'Pipfile.lock': JSON.stringify({ _meta: { sources: [] }, default: Object.fromEntries(entries) }),
    });
    const result = await onMachine({ inputs: { cuda: 'cpu', 'dependency-files': 'Pipfile.lock' } });
    expect(await installed(result)).toEqual(['filelock==3.20.0', 'six==1.16.0', 'torch==2.9.0+cpu']);
  });

  test('poetry.lock', async () => {
    await hashed('torch\nsix==1.16.0\n');
    const packages = (await readFile(join(workspace, 'requirements.txt'), 'utf8'))
      .split(/\n(?=\S)/)
      .map((entry) => {
        const [, name, version] = /^(\S+)==(\S+)/.exec(entry) ?? [];
        const files = (entry.match(/sha256:[0-9a-f]+/g) ?? []).map(
          (hash) => `{file = "x", hash = "${hash}"}`,
        );
        return `[[package]]\nname = "${name}"\nversion = "${version}"\noptional = false\ngroups = ["main"]\nfiles = [${files.join(', ')}]\n`;
      });
    await write({
      'pyproject.toml': '[project]\nname = "demo"\nversion = "0.1.0"\n',
      'poetry.lock': `${packages.join('\n')}\n[metadata]\nlock-version = "2.1"\n`,
    });
    const result = await onMachine({ inputs: { cuda: '12.6', 'dependency-files': 'poetry.lock' } });
    expect(await installed(result)).toEqual([
      'filelock==3.20.0',
      'nvidia-cublas-cu12==12.6.4.1',
      'six==1.16.0',
      'torch==2.9.0+cu126',
      'triton==3.5.0',
    ]);
  });
});
