import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ToolCache } from '../src/cache/tool-cache.ts';
import { compareBackends, cudaVersion } from '../src/cuda/backend.ts';
import { hasKernels, readCapability } from '../src/cuda/capability.ts';
import { type Choice, chooseBackends } from '../src/cuda/choose.ts';
import { type Gpu, lookForGpus, type Machine } from '../src/cuda/machine.ts';
import { cudaRequest } from '../src/cuda/request.ts';
import { indexOf, knownBackends, servedBackends, torchFamily } from '../src/cuda/uv-torch.ts';
import { findOrInstallUv, Uv } from '../src/uv/uv.ts';
import { nvidiaSmiOf } from './nvidia-smi.ts';

/** The tables are uv's own, so the tests ask a uv, the one that the action would install. */
let root: string;
let uv: Uv;
let known: string[];
let python: string;
const where = () => ({ cwd: root, signal: AbortSignal.timeout(60_000), python });

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'cuda-choose-'));
  process.env.RUNNER_TOOL_CACHE = join(root, 'tools');
  uv = await findOrInstallUv(root, AbortSignal.timeout(120_000), new ToolCache(undefined, undefined));
  const { stdout } = await command(uv.path, ['python', 'find', '--no-project', '>=3.10']);
  python = stdout.trim();
  known = await knownBackends(uv, where());
});
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 3 }));

const platforms = {
  linux: 'x86_64-unknown-linux-gnu',
  win32: 'x86_64-pc-windows-msvc',
} as const;

const gpu = (computeCapability: string | undefined, name = 'GPU'): Gpu => ({
  name,
  capability: readCapability(computeCapability),
  memoryMiB: 16_384,
  mig: false,
});

interface Case {
  cuda?: string;
  driver?: string | undefined;
  gpus?: (string | undefined)[] | Gpu[];
  platform?: keyof typeof platforms;
}

const tables = new Map<string, Promise<string[]>>();

/** What uv says that a driver serves; it is asked once. */
function servedBy(driver: string, platform: keyof typeof platforms): Promise<string[]> {
  const key = `${driver} ${platform}`;
  const known = tables.get(key) ?? servedBackends(uv, driver, where(), platforms[platform]);
  tables.set(key, known);
  return known;
}

async function choose({ cuda = 'auto', driver, gpus = [], platform = 'linux' }: Case): Promise<Choice> {
  const machine: Machine = {
    driver,
    gpus: gpus.map((each) => (typeof each === 'object' ? each : gpu(each))),
  };
  return chooseBackends({
    request: cudaRequest(cuda, known),
    machine,
    platform,
    uvVersion: uv.version,
    known,
    served: driver ? await servedBy(driver, platform) : [],
  });
}

/** What a user sees of a choice that fails. */
async function refusal(asked: Case): Promise<string> {
  const error = await choose(asked).then(
    (choice) => expect.fail(`chose ${choice.candidates}`),
    (thrown: unknown) => thrown as UserError,
  );
  expect(error.name).toBe('UserError');
  return error.toString();
}

/** The newest CUDA of each major version. */
const newestOf = (backends: readonly string[]) => [
  ...new Set(backends.map((backend) => cudaVersion(backend)?.[0])),
];

describe('what uv says', () => {
  test('its backends, newest first, as its help lists them', async () => {
    expect(known).toEqual(expect.arrayContaining(['cu130', 'cu128', 'cu126', 'cu118']));
    expect(known).toEqual([...known].sort((a, b) => compareBackends(b, a)));
    expect(known.every((backend) => /^cu\d+$/.test(backend))).toBe(true);
  });

  test('the index of a backend', async () => {
    const cpu = (await indexOf(uv, 'cpu', where())) ?? '';
    expect(cpu).toMatch(/^https:\/\/\S+\/cpu$/);
    expect(await indexOf(uv, 'cu128', where())).toBe(cpu.replace(/cpu$/, 'cu128'));
  });

  test('which packages are of the torch family', async () => {
    const names = ['torch', 'torchvision', 'numpy', 'nvidia-ml-py', 'requests', 'torchmetrics'];
    expect([...(await torchFamily(uv, names, where()))]).toEqual(['torch', 'torchvision']);
    expect((await torchFamily(uv, ['numpy'], where())).size).toBe(0);
  });

  test('is not bent by the environment', async () => {
    const env = { RUST_LOG: 'off', UV_TORCH_BACKEND: 'cpu', UV_CONSTRAINT: '/no/such/file' };
    const saved = { ...process.env };
    Object.assign(process.env, env);
    try {
      expect((await servedBackends(uv, '580', where()))[0]).toMatch(/^cu13/);
      expect(await indexOf(uv, 'cu128', where())).toMatch(/cu128$/);
    } finally {
      for (const name of Object.keys(env)) delete process.env[name];
      Object.assign(process.env, saved);
    }
  });

  test.skipIf(process.platform === 'win32')('is no guess where it cannot be read', async () => {
    const program = join(root, 'other-uv');
    writeFileSync(program, '#!/bin/sh\necho "resolved from the new registry protocol" >&2\n', {
      mode: 0o755,
    });
    const other = new Uv(program, '99.0.0');
    for (const asking of [
      () => servedBackends(other, '580', where()),
      () => torchFamily(other, ['torch'], where()),
      () => indexOf(other, 'cpu', where()),
    ])
      await expect(asking()).rejects.toThrow(
        'uv 99.0.0 does not tell where it would look for PyTorch: resolved from the new registry protocol',
      );
    await expect(knownBackends(other, where())).rejects.toThrow(
      'uv 99.0.0 does not tell which torch backends',
    );
  });

  test('without any help from us', async () => {
    const { stdout } = await command(uv.path, ['pip', 'install', '--help']);
    for (const backend of known) expect(stdout).toContain(`${backend},`);
  });
});

describe('drivers', () => {
  // An Ampere GPU is served by every line of CUDA that these drivers serve.
  test.each([
    ['linux', '580.00', 13],
    ['linux', '580.95.05', 13],
    ['linux', '579.99', 12],
    ['linux', '525.60.13', 12],
    ['linux', '525.60.12', 11],
    ['linux', '450.80.02', 11],
    ['win32', '580.00', 13],
    ['win32', '579.99', 12],
    ['win32', '528.33', 12],
    ['win32', '528.32', 11],
    ['win32', '525.60.13', 11],
    ['win32', '452.39', 11],
  ] as const)('on %s driver %s is for CUDA %i', async (platform, driver, major) => {
    const { candidates, notice } = await choose({ driver, gpus: ['8.0'], platform });
    expect(newestOf(candidates)[0]).toBe(major);
    expect(candidates).toEqual([...candidates].sort((a, b) => compareBackends(b, a)));
    expect(notice).toBeUndefined();
  });

  test.each([
    ['linux', '450.80.02', 'cu118'],
    // Below the boundary uv still has CUDA 11.0, whose minor-version compatibility began later.
    ['linux', '450.80.01', 'cu110'],
    ['win32', '452.39', 'cu118'],
    ['win32', '452.38', 'cu110'],
  ] as const)('on %s driver %s is for %s at most', async (platform, driver, best) => {
    expect((await choose({ driver, gpus: ['7.0'], platform })).candidates[0]).toBe(best);
  });

  test.each([
    ['linux', '525.60.13', '12.8'],
    ['linux', '580.00', '13.0'],
    ['linux', '450.80.02', '11.8'],
    ['win32', '528.33', 'cu128'],
    ['win32', '452.39', '11.8'],
  ] as const)('on %s driver %s may be asked for CUDA %s', async (platform, driver, cuda) => {
    expect((await choose({ cuda, driver, gpus: ['8.0'], platform })).candidates).toHaveLength(1);
  });

  test.each([
    ['linux', '525.60.12', '12.8', '11.8'],
    ['linux', '579.99', '13.0', '12.9'],
    ['linux', '450.80.01', '11.8', '11.0'],
    ['win32', '528.32', '12.8', '11.8'],
    ['win32', '579.99', '13', '12.9'],
    ['win32', '452.38', '11.8', '11.0'],
  ] as const)('on %s driver %s is too old for CUDA %s', async (platform, driver, cuda, instead) => {
    const said = await refusal({ cuda, driver, gpus: ['8.0'], platform });
    expect(said).toContain(`driver ${driver} is too old for CUDA`);
    expect(said).toContain(
      `The newest that it serves is ${instead}: choose 'cuda: ${instead}' or 'auto', or update the driver.`,
    );
  });

  test('that are too old for everything', async () => {
    expect(await refusal({ driver: '331.20', gpus: ['3.5'] })).toBe(
      "driver 331.20 is too old for every CUDA that uv knows\nUpdate the driver, or choose 'cuda: cpu'.",
    );
    expect(await refusal({ cuda: '12.8', driver: '331.20', gpus: ['3.5'] })).toContain(
      "It serves none that has kernels for this machine's GPUs",
    );
  });
});

describe('compute capabilities', () => {
  test.each([
    ['3.0', 'cu102'],
    ['3.5', 'cu118'],
    ['3.7', 'cu118'],
    ['5.0', 'cu126'],
    ['5.2', 'cu126'],
    ['6.0', 'cu126'],
    ['6.1', 'cu126'],
    ['7.0', 'cu126'],
    ['7.2', 'cu126'],
    ['7.5', 'newest'],
    ['8.0', 'newest'],
    ['8.6', 'newest'],
    ['8.9', 'newest'],
    ['9.0', 'newest'],
    ['10.0', 'newest'],
    ['10.3', 'newest'],
    ['11.0', 'newest'],
    ['12.0', 'newest'],
    ['12.1', 'newest'],
    // A GPU that is not known yet is for the newest, too.
    ['13.0', 'newest'],
    // A driver that does not tell it leaves the choice to the driver.
    [undefined, 'newest'],
  ] as const)('%s gets %s with a new driver', async (capability, best) => {
    const { candidates } = await choose({ driver: '590.44.01', gpus: [capability] });
    expect(candidates[0]).toBe(best === 'newest' ? known[0] : best);
  });

  test.each([
    ['7.5', 'cu100'],
    ['8.0', 'cu110'],
    ['8.6', 'cu111'],
    ['8.9', 'cu118'],
    ['9.0', 'cu118'],
    ['10.0', 'cu128'],
    ['12.0', 'cu128'],
    ['11.0', 'cu130'],
  ] as const)('%s gets nothing before %s', async (capability, oldest) => {
    const { candidates } = await choose({ driver: '590.44.01', gpus: [capability] });
    expect(candidates.at(-1)).toBe(oldest);
  });

  test.each([
    ['13.0', '7.0', 'Volta, sm_70', '12.6'],
    ['13', '7.0', 'Volta, sm_70', '12.6'],
    ['12.8', '7.0', 'Volta, sm_70', '12.6'],
    ['12.8', '6.1', 'Pascal, sm_61', '12.6'],
    ['12.8', '5.2', 'Maxwell, sm_52', '12.6'],
    ['12.6', '3.7', 'Kepler, sm_37', '11.8'],
    ['12.6', '12.0', 'Blackwell, sm_120', '13'],
    ['12.6', '10.0', 'Blackwell, sm_100', '13'],
    ['11.7', '9.0', 'Hopper, sm_90', '13'],
    ['11.7', '8.9', 'Ada, sm_89', '13'],
  ] as const)('CUDA %s has no kernels for %s', async (cuda, capability, named, instead) => {
    const said = await refusal({ cuda, driver: '590.44.01', gpus: [gpu(capability, 'NVIDIA X1')] });
    expect(said).toContain(`has no kernels for NVIDIA X1 (${named})`);
    expect(said).toMatch(new RegExp(`choose 'cuda: ${instead.replace('.', '\\.')}[.\\d]*' or 'auto'`));
  });

  test.each(['7.5', '8.0', '9.0', '12.0'])('CUDA 13.0 and 12.8 have kernels for %s', async (capability) => {
    for (const cuda of ['13.0', '12.8'])
      expect((await choose({ cuda, driver: '590.44.01', gpus: [capability] })).candidates).toHaveLength(1);
  });

  test('a major version is the newest of it that has kernels', async () => {
    const { candidates } = await choose({ cuda: '12', driver: '590.44.01', gpus: ['7.0'] });
    expect(candidates[0]).toBe('cu126');
    const blackwell = await choose({ cuda: '12', driver: '590.44.01', gpus: ['12.0'] });
    expect(blackwell.candidates).toEqual(['cu129', 'cu128']);
  });

  test('of which the driver serves none that has kernels', async () => {
    const said = await refusal({ driver: '470.82.01', gpus: [gpu('12.0', 'NVIDIA GeForce RTX 5090')] });
    expect(said).toContain('has no kernels for NVIDIA GeForce RTX 5090 (Blackwell, sm_120)');
    expect(said).toContain('Those of cu128 and later have, which driver 470.82.01 does not serve');
  });
});

describe('several GPUs', () => {
  test('alike are one', async () => {
    expect((await choose({ driver: '580.95', gpus: ['9.0', '9.0'] })).notice).toBeUndefined();
  });

  test('of several generations: the oldest decides, and it is said', async () => {
    const { candidates, notice } = await choose({
      driver: '580.95',
      gpus: [gpu('8.0', 'NVIDIA A100'), gpu('7.0', 'Tesla V100')],
    });
    expect(candidates[0]).toBe('cu126');
    expect(notice).toBe(
      'There are GPUs of several generations (NVIDIA A100, sm_80; Tesla V100, sm_70). The oldest decides: Volta (sm_70) has kernels in cu90 to cu126, and so cu126 is chosen.',
    );
  });

  test('that no one backend serves', async () => {
    const gpus = [gpu('6.1', 'Quadro P4000'), gpu('12.0', 'RTX 5090')];
    const said = await refusal({ driver: '580.95', gpus });
    expect(said).toContain('no one backend serves all GPUs here: Quadro P4000, sm_61; RTX 5090, sm_120');
    expect(said).toContain('CUDA_VISIBLE_DEVICES');
    expect(await refusal({ cuda: '12.8', driver: '580.95', gpus })).toContain('no kernels for Quadro P4000');
  });
});

describe.skipIf(process.platform === 'win32')('machines of all generations', () => {
  test.each([
    ['k80-driver-470', 'linux', 'cu118'],
    ['k80-driver-418', 'linux', 'cu101'],
    ['m60', 'linux', 'cu126'],
    ['p100', 'linux', 'cu126'],
    ['v100-driver-580', 'linux', 'cu126'],
    ['t4', 'linux', 'cu129'],
    ['vgpu', 'linux', 'cu129'],
    ['a100-mig', 'linux', 'cu129'],
    ['l4', 'linux', 'newest'],
    ['h100', 'linux', 'cu129'],
    ['b200', 'linux', 'newest'],
    ['rtx5090-driver-572', 'win32', 'cu129'],
    ['mixed', 'linux', 'cu126'],
    ['exit-14', 'linux', 'cu129'],
    ['lost', 'linux', 'cu129'],
    ['no-driver', 'linux', 'cpu'],
    ['no-device', 'linux', 'cpu'],
    ['mismatch', 'linux', 'cpu'],
  ] as const)('%s on %s: %s', async (name, platform, backend) => {
    const env = { PATH: `${nvidiaSmiOf(name)}:/usr/bin:/bin` };
    const machine = await lookForGpus(AbortSignal.timeout(20_000), env);
    const { candidates } = await choose({ driver: machine.driver, gpus: machine.gpus, platform });
    expect(candidates[0]).toBe(backend === 'newest' ? known[0] : backend);
  });
});

describe('without a GPU', () => {
  test('auto is the processor', async () => {
    expect((await choose({})).candidates).toEqual(['cpu']);
    expect((await choose({ driver: '580.95' })).candidates).toEqual(['cpu']);
  });

  test.each([
    ['12.8', ['cu128']],
    ['cu128', ['cu128']],
    ['CU118', ['cu118']],
    ['cpu', ['cpu']],
    ['cu92', ['cu92']],
  ])('%s is taken at its word', async (cuda, candidates) => {
    expect((await choose({ cuda })).candidates).toEqual(candidates);
  });

  test('a major version is all of it, newest first', async () => {
    const { candidates } = await choose({ cuda: '12' });
    expect(candidates).toEqual(known.filter((backend) => /^cu12\d$/.test(backend)));
  });
});

describe('a wrong input', () => {
  test.each(['yes', '12.', 'cuda12', '12.8.1', 'rocm6.4', 'cu', 'v12', 'gpu', ''])('%j', (cuda) => {
    let said = '';
    try {
      cudaRequest(cuda, known);
    } catch (error) {
      said = String(error);
    }
    expect(said).toContain(`input cuda: '${cuda}' is neither a version of CUDA nor 'none', 'auto' or 'cpu'`);
    expect(said).toMatch(/uv knows 13\.\d, [\d., ]+ and 8\.0/);
  });

  test.each(['12.7', 'cu127', '14', '99.9'])('%s, which uv does not know', async (cuda) => {
    expect(await refusal({ cuda })).toMatch(/uv [\d.]+ knows no CUDA [\d.]+\nIt knows 13\./);
  });

  test('a version on macOS', () => {
    const situation = { machine: { driver: undefined, gpus: [] }, uvVersion: '0', known, served: [] };
    const on = (cuda: string) =>
      chooseBackends({ ...situation, platform: 'darwin', request: cudaRequest(cuda, known) });
    expect(() => on('12.8')).toThrow("input cuda: '12.8' cannot be had on macOS, which has no CUDA");
    expect(on('auto').candidates).toEqual(['cpu']);
    expect(on('cpu').candidates).toEqual(['cpu']);
  });
});

describe('whatever the machine', () => {
  const capabilities = ['3.5', '5.2', '6.1', '7.0', '7.5', '8.0', '8.6', '8.9', '9.0', '10.0', '12.0'];
  test('what is chosen is served by the driver and has kernels for every GPU, or it is an error', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...capabilities), { minLength: 1, maxLength: 4 }),
        fc.nat({ max: known.length }),
        fc.constantFrom('auto', '11', '12', '13', '12.6', '12.8', '13.0'),
        (found, start, cuda) => {
          const served = known.slice(start);
          const machine = { driver: '1.0', gpus: found.map((each) => gpu(each)) };
          const request = cudaRequest(cuda, known);
          const situation = { request, machine, platform: 'linux', uvVersion: '0', known, served } as const;
          let chosen: string[] = [];
          try {
            chosen = chooseBackends(situation).candidates;
            expect(chosen).not.toEqual([]);
          } catch (error) {
            expect((error as UserError).advice, String(error)).toBeTruthy();
          }
          for (const backend of chosen) {
            expect(served).toContain(backend);
            for (const { capability } of machine.gpus)
              expect(hasKernels(backend, capability ?? 0)).toBe(true);
          }
        },
      ),
    );
  });
});
