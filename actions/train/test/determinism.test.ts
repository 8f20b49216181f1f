import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { command } from '@mlops/core/process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DeterminismOptions, determinismOf } from '../src/determinism.ts';
import { parseParameters } from '../src/parameters.ts';
import { distributionOf } from '../src/python-libraries.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mlops-determinism-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** Without PATH nothing can be started. */
const look = (options: Partial<DeterminismOptions> = {}) =>
  determinismOf({
    folder,
    env: { PATH: '' },
    parameters: undefined,
    signal: new AbortController().signal,
    ...options,
  });

describe('libraries', () => {
  const installed = (prefix: string, ...names: string[]) =>
    write(Object.fromEntries(names.map((name) => [`${prefix}/${name}/METADATA`, ''])));

  test('are those of the active environment, found without starting Python; what decides results comes first', async () => {
    write({ 'env/pyvenv.cfg': 'home = /usr/bin\nversion_info = 3.12.1.final.0\nuv = 0.9.1\n' });
    installed(
      'env/lib/python3.12/site-packages',
      ...['torch-2.4.0+cu121.dist-info', 'scikit_learn-1.5.2.dist-info', 'attrs-24.2.0.dist-info', 'torch'],
    );
    const { python, libraries } = await look({ env: { PATH: '', VIRTUAL_ENV: join(folder, 'env') } });
    expect(python).toBe('3.12.1');
    expect(Object.entries(libraries)).toEqual([
      ['scikit-learn', '1.5.2'],
      ['torch', '2.4.0+cu121'],
      ['attrs', '24.2.0'],
    ]);
  });

  test('of a .venv in the project count where nothing is active', async () => {
    write({ '.venv/pyvenv.cfg': 'version = 3.13.0rc2\n' });
    installed('.venv/lib/python3.13t/site-packages', 'numpy-2.1.0.dist-info');
    expect(await look()).toMatchObject({ python: '3.13.0rc2', libraries: { numpy: '2.1.0' } });
  });

  test('on Windows lie elsewhere', async () => {
    write({ 'env/pyvenv.cfg': 'version = 3.11.7\r\n' });
    installed('env/Lib/site-packages', 'numpy-2.1.0.dist-info');
    const env = { PATH: '', VIRTUAL_ENV: join(folder, 'env') };
    expect(await look({ env, platform: 'win32' })).toMatchObject({
      python: '3.11.7',
      libraries: { numpy: '2.1.0' },
    });
  });

  test('of conda are told by conda, and by what pip has added', async () => {
    write({
      'conda/conda-meta/python-3.12.4-h99e199e_1.json': '{}',
      'conda/conda-meta/mkl-2023.1.0-h213fc3f_46344.json': '{}',
      'conda/conda-meta/history': '',
    });
    installed('conda/lib/python3.12/site-packages', 'xgboost-2.1.1.dist-info');
    const { python, libraries } = await look({ env: { PATH: '', CONDA_PREFIX: join(folder, 'conda') } });
    expect(python).toBe('3.12.4');
    expect(libraries).toEqual({ mkl: '2023.1.0', xgboost: '2.1.1', python: '3.12.4' });
  });

  test('are counted where they are too many', async () => {
    write({ 'env/pyvenv.cfg': 'version = 3.12.1\n' });
    const names = Array.from({ length: 250 }, (_, i) => `aaa${i}-1.0.dist-info`);
    installed('env/lib/python3.12/site-packages', ...names, 'numpy-2.1.0.dist-info');
    const { libraries, librariesLeftOut } = await look({
      env: { PATH: '', VIRTUAL_ENV: join(folder, 'env') },
    });
    expect(Object.keys(libraries)).toHaveLength(200);
    expect(libraries.numpy).toBe('2.1.0');
    expect(librariesLeftOut).toBe(51);
  });

  test('outside of an environment are what Python on PATH says', async () => {
    installed('added', 'numpy-9.9.9.dist-info');
    const env = { ...process.env, VIRTUAL_ENV: '', CONDA_PREFIX: '', PYTHONPATH: join(folder, 'added') };
    const { stdout } = await command('python3', ['-c', 'import platform; print(platform.python_version())']);
    expect(await look({ env })).toMatchObject({
      python: stdout.trim(),
      libraries: { numpy: '9.9.9' },
    });
  });

  test('are none without a Python', async () => {
    expect(await look()).toEqual({
      ...{ python: null, libraries: {}, librariesLeftOut: 0, seeds: {}, flags: {}, threads: {} },
      ...{ gpus: [], driver: null },
    });
  });

  test.each([
    ['torch-2.4.0+cu121.dist-info', 'torch', '2.4.0+cu121'],
    ['Ruamel.Yaml_Clib-0.2.8.dist-info', 'ruamel-yaml-clib', '0.2.8'],
    ['numpy-1.24.2.egg-info', 'numpy', '1.24.2'],
    ['torch-1.13.1-py3.11.egg-info', 'torch', '1.13.1'],
    ['my-old-name-0.1-py3.11.egg-info', 'my-old-name', '0.1'],
  ])('%s is %s %s', (entry, name, version) => {
    expect(distributionOf(entry)).toEqual({ name, version });
  });

  test.each(['numpy', 'numpy.egg-info', 'numpy.libs', 'distutils-precedence.pth'])('%s is none', (entry) => {
    expect(distributionOf(entry)).toBeUndefined();
  });
});

describe('seeds', () => {
  test('are seen in parameters, variables and commands', async () => {
    const parameters = await parseParameters(
      'train: { seed: 3, random_state: 7, data_seed: 1, seeding: true, seedling: 4 }\nrandomState: 9\nseeds: [1, 2]\n',
      'params.yaml',
    );
    const { seeds } = await look({
      parameters,
      env: { PATH: '', PYTHONHASHSEED: '0', MLOPS_SEED: '5', PL_GLOBAL_SEED: '6', SEEDS: '1' },
      commands: ['python train.py --seed 42 --random-state=1', 'python -m tune model.seed=8 --n-seeds many'],
    });
    expect(seeds).toEqual({
      'train.seed': '3',
      'train.random_state': '7',
      'train.data_seed': '1',
      ...{ randomState: '9', seeds: '[1, 2]' },
      ...{ MLOPS_SEED: '5', PL_GLOBAL_SEED: '6', PYTHONHASHSEED: '0' },
      ...{ '--seed': '42', '--random-state': '1', 'model.seed': '8' },
    });
  });

  test('that are secrets are not taken for numbers', async () => {
    const { seeds } = await look({ env: { PATH: '', WALLET_SEED: 'abandon ability able', SEED: '' } });
    expect(seeds).toEqual({});
  });
});

test('variables that decide results are kept', async () => {
  const parameters = await parseParameters(
    'torch: { deterministic: true, cudnn_benchmark: false }',
    'p.yaml',
  );
  const env = { PATH: '', CUBLAS_WORKSPACE_CONFIG: ':4096:8', OMP_NUM_THREADS: '4', OTHER: 'x' };
  expect(await look({ parameters, env })).toMatchObject({
    flags: {
      'torch.deterministic': 'true',
      'torch.cudnn_benchmark': 'false',
      CUBLAS_WORKSPACE_CONFIG: ':4096:8',
    },
    threads: { OMP_NUM_THREADS: '4' },
  });
});

test.skipIf(process.platform === 'win32')('GPUs and their driver are named', async () => {
  write({
    'bin/nvidia-smi': `#!${process.execPath}\nconsole.log('0, Tesla T4, 550.54.15\\n1, Tesla T4, 550.54.15')\n`,
  });
  chmodSync(join(folder, 'bin/nvidia-smi'), 0o755);
  const env = { PATH: [join(folder, 'bin'), process.env.PATH].join(delimiter) };
  expect(await look({ env })).toMatchObject({ gpus: ['Tesla T4', 'Tesla T4'], driver: '550.54.15' });
});

test('a cancelled run is not held up', async () => {
  await expect(look({ env: process.env, signal: AbortSignal.abort(new Error('cancelled')) })).rejects.toThrow(
    'cancelled',
  );
});
