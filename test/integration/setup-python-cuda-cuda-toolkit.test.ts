import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { command } from '@mlops/core/process';
import type { ActionResult } from '@mlops/testkit/runner-files';
import { describe, expect, test } from 'vitest';
import {
  errorOf,
  installed,
  pathWithoutUv,
  runUv,
  setUp,
  windows,
  workspace,
  write,
} from './setup-python-cuda/workbench.ts';

/** Runs a program as a later step would. */
async function later(result: ActionResult, program: string, ...args: string[]) {
  const path = [...result.path.toReversed(), pathWithoutUv].join(delimiter);
  return command(program, args, { cwd: workspace, env: { ...result.env, PATH: path }, tolerate: true });
}

const hasCompiler = pathWithoutUv
  .split(delimiter)
  .some((folder) => existsSync(join(folder, windows ? 'cl.exe' : 'g++')));

const program = `#include <cstdio>
#include <cuda_runtime.h>
__global__ void scale(float *values, float by) { values[threadIdx.x] *= by; }
int main() {
  int version = 0;
  cudaRuntimeGetVersion(&version);
  std::printf("%d", version);
}
`;

describe('the toolkit of CUDA 13', () => {
  test('has nvcc, which later steps find and which compiles', async () => {
    await write({ 'requirements.txt': 'six==1.16.0\n', 'scale.cu': program });
    const result = await setUp({ inputs: { cuda: '13.0', 'cuda-packages': 'nvcc, cudart' } });
    expect(await installed(result)).toEqual(
      expect.arrayContaining([
        'six==1.16.0',
        expect.stringMatching(/^cuda-toolkit==13\.0\./),
        expect.stringMatching(/^nvidia-cuda-nvcc==13\.0\./),
      ]),
    );
    const home = join(workspace, '.venv', 'cuda');
    expect(result.env).toMatchObject({ CUDA_HOME: home, CUDA_PATH: home, CONDA_OVERRIDE_CUDA: '13.0' });
    expect(result.path).toContain(join(home, 'bin'));
    expect((await later(result, 'nvcc', '--version')).stdout).toMatch(/release 13\.0, V13\.0/);
    expect(result.stdout).toMatch(/nvcc release 13\.0/);
    // Without a compiler for processors, nvcc can do no more than that, and it is said.
    if (!hasCompiler) {
      expect(result.annotations).toContainEqual(
        expect.objectContaining({ level: 'warning', title: 'nvcc', message: expect.stringMatching(/needs/) }),
      );
      return;
    }
    expect(result.stdout).toContain('nvcc compiles a kernel.');
    expect(await later(result, 'nvcc', '--ptx', '-o', 'scale.ptx', 'scale.cu')).toMatchObject({
      exitCode: 0,
    });
    expect(await readFile(join(workspace, 'scale.ptx'), 'utf8')).toMatch(/\.version 9\.0[\s\S]*scale/);
    // Linked with the library that only has a name with a version in the wheel, found when it runs.
    const linked = await later(result, 'nvcc', '-cudart', 'shared', '-o', 'scale', 'scale.cu');
    expect(linked.stderrTail.join('\n')).toBe('');
    expect((await later(result, join(workspace, 'scale'))).stdout).toBe('13000');
  });

  test('beside a lock, which stays as it is; a second run changes nothing', async () => {
    await write({ 'requirements.in': 'six==1.16.0\n' });
    await runUv(
      'pip',
      'compile',
      '--generate-hashes',
      '--no-header',
      'requirements.in',
      '-o',
      'requirements.txt',
    );
    const inputs = { cuda: '13.0', 'cuda-packages': 'cudart\ncrt' };
    const first = await setUp({ inputs });
    const packages = await installed(first);
    expect(packages).toEqual(
      expect.arrayContaining(['six==1.16.0', expect.stringMatching(/^nvidia-cuda-runtime==13\.0\./)]),
    );
    const second = await setUp({ inputs });
    expect(await installed(second)).toEqual(packages);
    expect(second.stdout).not.toMatch(/^ [+-] /m);
    expect(await installed(await setUp())).toEqual(['six==1.16.0']);
  });
});

test.skipIf(windows)(
  'the toolkit of CUDA 12 is put together from one folder for each component',
  async () => {
    await write({ 'requirements.txt': 'six\n' });
    const result = await setUp({ inputs: { cuda: '12.8', 'cuda-packages': 'cudart nvtx profiler' } });
    expect(await installed(result)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^nvidia-cuda-runtime-cu12==12\.8\./),
        expect.stringMatching(/^nvidia-nvtx-cu12==12\.8\./),
      ]),
    );
    const { CUDA_HOME: home = '', LD_LIBRARY_PATH, LIBRARY_PATH } = result.env;
    expect(LD_LIBRARY_PATH?.split(delimiter)).toContain(join(home, 'lib'));
    expect(LIBRARY_PATH?.split(delimiter)).toContain(join(home, 'lib'));
    expect(await readdir(join(home, 'include'))).toEqual(expect.arrayContaining(['cuda_runtime.h', 'nvtx3']));
    const [library, named] = await Promise.all(
      ['lib64/libcudart.so', 'lib/libcudart.so.12'].map((path) => stat(join(home, path))),
    );
    expect(library?.ino).toBe(named?.ino);
    expect(existsSync(join(home, '__init__.py'))).toBe(false);
  },
);

describe('a component that there is not', () => {
  test.each([
    ['13.0', 'nvccc', "Did you mean 'nvcc'?"],
    ['12.8', 'cublass', "Did you mean 'cublas'?"],
    ['13.0', 'visual-studio', /Allowed: .*cudart.*cudnn/],
  ])('for CUDA %s: %s', async (cuda, name, advice) => {
    await write({ 'requirements.txt': 'six\n' });
    const result = await setUp({ inputs: { cuda, 'cuda-packages': `cudart ${name}` } });
    const error = errorOf(result);
    expect(error?.message).toContain(`input cuda-packages: '${name}' is no component of CUDA ${cuda}`);
    expect(error?.message).toMatch(advice);
    expect(existsSync(join(workspace, '.venv'))).toBe(false);
  });
});
