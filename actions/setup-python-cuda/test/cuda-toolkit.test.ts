import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { activateCudaHome, makeCudaHome } from '../src/cuda/home.ts';
import { backendsWith, readComponents, toolkitRequirements } from '../src/cuda/toolkit.ts';

describe('what of the toolkit is installed', () => {
  test.each([
    ['cu130', ['nvcc', 'cudart'], ['cuda-toolkit[nvcc,cudart]==13.0.*']],
    [
      'cu128',
      ['cudart', 'cudnn', 'nccl'],
      ['cuda-toolkit[cudart]==12.8.*', 'nvidia-cudnn-cu12', 'nvidia-nccl-cu12'],
    ],
    ['cu130', ['cudnn'], ['nvidia-cudnn-cu13']],
    ['cpu', ['cudart'], []],
    ['cu130', [], []],
  ])('%s %j', (backend, components, requirements) => {
    expect(toolkitRequirements(backend, components)).toEqual(requirements);
  });

  test('is read as it is written, each once', () => {
    expect(readComponents(['nvcc', ' cudart, cublas', 'NVCC', 'Profiler_API'])).toEqual([
      'nvcc',
      'cudart',
      'cublas',
      'profiler-api',
    ]);
    expect(readComponents([])).toEqual([]);
  });

  test.each(['nvcc]==1', 'nvcc;python_version<"4"', '--index-url', 'cudart==13'])('%j is no name', (name) => {
    expect(() => readComponents([name])).toThrow(`input cuda-packages: '${name}' is no name of a component`);
  });

  test('nvcc is in the wheels of 13 only', () => {
    expect(backendsWith(['nvcc'], 'auto', ['cu132', 'cu130', 'cu129'])).toEqual(['cu132', 'cu130']);
    expect(backendsWith(['cudart'], '12', ['cu129', 'cu128'])).toEqual(['cu129', 'cu128']);
    expect(backendsWith([], 'auto', ['cpu'])).toEqual(['cpu']);
    expect(() => backendsWith(['nvcc'], '11.8', ['cu118'])).toThrow('no nvcc for CUDA 11.8');
  });
});

describe('CUDA_HOME', () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
    vi.unstubAllEnvs();
  });

  /** Site-packages with these files of NVIDIA's, and where they are put together. */
  function packages(...files: string[]): { nvidia: string; home: string } {
    const root = mkdtempSync(join(tmpdir(), 'cuda-home-'));
    folders.push(root);
    for (const file of files) {
      mkdirSync(dirname(join(root, 'nvidia', file)), { recursive: true });
      writeFileSync(join(root, 'nvidia', file), file);
    }
    return { nvidia: join(root, 'nvidia'), home: join(root, 'cuda') };
  }

  test('has the files of every component, linked, and nothing of Python or of another CUDA', async () => {
    const { nvidia, home } = packages(
      'cuda_runtime/include/cuda.h',
      'cuda_runtime/lib/libcudart.so.12',
      'cuda_runtime/__init__.py',
      'cuda_runtime/__pycache__/__init__.pyc',
      'cublas/lib/libcublas.so.12',
      'cu13/lib/libcudart.so.13',
    );
    await makeCudaHome(home, nvidia, 12, 'linux');
    const read = (file: string) => readFileSync(join(home, file), 'utf8');
    expect(read('include/cuda.h')).toBe('cuda_runtime/include/cuda.h');
    expect(read('lib64/libcublas.so')).toBe('cublas/lib/libcublas.so.12');
    expect(statSync(join(home, 'include/cuda.h')).nlink).toBe(2);
    for (const file of ['__init__.py', '__pycache__', 'lib/libcudart.so.13'])
      expect(() => read(file)).toThrow('ENOENT');
  });

  test("of CUDA 13 has its own files before those of others, and programs whose names begin like Python's", async () => {
    const { nvidia, home } = packages(
      'cu13/bin/__nvcc_device_query',
      'cu13/lib/libshared.so.1',
      'cudnn/lib/libshared.so.1',
      'cudnn/lib/libcudnn.so.9',
    );
    await makeCudaHome(home, nvidia, 13, 'linux');
    const read = (file: string) => readFileSync(join(home, file), 'utf8');
    expect(read('bin/__nvcc_device_query')).toBe('cu13/bin/__nvcc_device_query');
    expect(read('lib/libshared.so')).toBe('cu13/lib/libshared.so.1');
    expect(read('lib64/libcudnn.so')).toBe('cudnn/lib/libcudnn.so.9');
  });

  test('is made anew', async () => {
    const { nvidia, home } = packages('cu13/bin/nvcc');
    mkdirSync(join(home, 'bin'), { recursive: true });
    writeFileSync(join(home, 'bin/old'), '');
    await makeCudaHome(home, nvidia, 13, 'win32');
    expect(() => statSync(join(home, 'bin/old'))).toThrow('ENOENT');
    expect(() => statSync(join(home, 'lib64'))).toThrow('ENOENT');
  });

  test.each([
    ['linux', ['LD_LIBRARY_PATH', 'LIBRARY_PATH'], 'lib', ['bin']],
    ['win32', ['LIB'], join('lib', 'x64'), ['bin', join('bin', 'x86_64')]],
  ] as const)('is what later steps find on %s', async (platform, variables, libraries, programs) => {
    const { nvidia, home } = packages(
      'cu13/bin/nvcc',
      'cu13/bin/x86_64/cudart.dll',
      `cu13/${libraries}/cudart.lib`,
    );
    await makeCudaHome(home, nvidia, 13, platform);
    for (const name of ['CUDA_HOME', 'CUDA_PATH', 'LIB', 'LIBRARY_PATH']) vi.stubEnv(name, undefined);
    vi.stubEnv('LD_LIBRARY_PATH', '/opt/lib');
    vi.stubEnv('PATH', '/usr/bin');
    activateCudaHome(home, platform);
    expect(process.env).toMatchObject({ CUDA_HOME: home, CUDA_PATH: home });
    for (const name of variables) expect(process.env[name]).toContain(join(home, libraries));
    if (platform === 'linux') expect(process.env.LD_LIBRARY_PATH).toBe(`${join(home, 'lib')}:/opt/lib`);
    for (const name of programs) expect(process.env.PATH).toContain(join(home, name));
    activateCudaHome(home, platform);
    expect(process.env.LD_LIBRARY_PATH?.match(/cuda/g)?.length ?? 0).toBeLessThanOrEqual(2);
  });
});
