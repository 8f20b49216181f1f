import { describe, expect, test } from 'vitest';
import { lookForGpus } from '../src/cuda/machine.ts';
import { nvidiaSmiOf, standIn } from './nvidia-smi.ts';

const look = (folder: string, env: NodeJS.ProcessEnv = {}, timeoutMs?: number) =>
  lookForGpus(AbortSignal.timeout(20_000), { PATH: `${folder}:/usr/bin:/bin`, ...env }, timeoutMs);

describe.skipIf(process.platform === 'win32')('the GPUs of a machine', () => {
  test.each([
    [
      'k80-driver-470',
      '470.256.02',
      [
        ['Tesla K80', 37, 11441],
        ['Tesla K80', 37, 11441],
      ],
    ],
    // So old that it tells neither capability nor MIG.
    ['k80-driver-418', '418.226.00', [['Tesla K80', undefined, 11441]]],
    ['m60', '535.183.01', [['Tesla M60', 52, 7680]]],
    ['p100', '550.144.03', [['Tesla P100-PCIE-16GB', 60, 16384]]],
    ['v100-driver-580', '580.95.05', [['Tesla V100-SXM2-16GB', 70, 16384]]],
    ['t4', '570.172.08', [['Tesla T4', 75, 15360]]],
    ['vgpu', '535.230.02', [['GRID A100D-10C', 80, 10240]]],
    ['l4', '580.82.07', [['NVIDIA L4', 89, 23034]]],
    ['h100', '570.148.08', [['NVIDIA H100 80GB HBM3', 90, 81559]]],
    ['b200', '580.95.05', [['NVIDIA B200', 100, 183359]]],
    ['rtx5090-driver-572', '572.83', [['NVIDIA GeForce RTX 5090', 120, 32607]]],
    [
      'mixed',
      '580.95.05',
      [
        ['NVIDIA RTX A6000', 86, 49140],
        ['Quadro P4000', 61, 8192],
      ],
    ],
  ] as const)('%s', async (name, driver, gpus) => {
    expect(await look(nvidiaSmiOf(name))).toEqual({
      driver,
      gpus: gpus.map(([named, capability, memoryMiB]) => ({
        name: named,
        capability,
        memoryMiB,
        mig: false,
      })),
    });
  });

  test('a GPU that is divided', async () => {
    const { gpus } = await look(nvidiaSmiOf('a100-mig'));
    expect(gpus.map(({ mig }) => mig)).toEqual([true, false]);
  });

  test.each([
    ['no-driver', /couldn't communicate with the NVIDIA driver/],
    ['mismatch', /Driver\/library version mismatch\nNVML library version: 580\.95/],
  ])('%s is none, with a warning', async (name, warning) => {
    expect(await look(nvidiaSmiOf(name))).toEqual({
      driver: undefined,
      gpus: [],
      warning: expect.stringMatching(warning),
    });
  });

  test('a driver that hangs is none, with a warning', async () => {
    expect(await look(standIn('exec sleep 600'), {}, 500)).toEqual({
      driver: undefined,
      gpus: [],
      warning: 'it did not answer within 0.5 s',
    });
  });

  test('a driver that does not tell its version is none, with a warning', async () => {
    const silent = standIn('echo "0, [N/A], NVIDIA L4, 8.9, 23034, [N/A], GPU-1"');
    expect(await look(silent)).toEqual({
      driver: undefined,
      gpus: [],
      warning: 'it tells no version of the driver',
    });
  });

  test('a driver without devices, and none at all, are none without a word', async () => {
    expect(await look(nvidiaSmiOf('no-device'))).toEqual({ driver: undefined, gpus: [] });
    expect(await look('/no/such/folder')).toEqual({ driver: undefined, gpus: [] });
  });

  test.each([
    ['exit-14', 'Tesla T4', 'WARNING: infoROM is corrupted at gpu 0000:00:1E.0'],
    ['lost', 'NVIDIA A100-SXM4-80GB', /GPU is lost/],
  ])('%s keeps the GPUs that answer, with a warning', async (name, gpu, warning) => {
    const machine = await look(nvidiaSmiOf(name));
    expect(machine.gpus.map((each) => each.name)).toEqual([gpu]);
    expect(machine.warning).toMatch(warning);
  });

  test.each([
    [{ CUDA_VISIBLE_DEVICES: 'GPU-4b6d6ff1' }, ['NVIDIA RTX A6000']],
    [{ CUDA_VISIBLE_DEVICES: '1', CUDA_DEVICE_ORDER: 'PCI_BUS_ID' }, ['Quadro P4000']],
    // In the order of speed a number says nothing here.
    [{ CUDA_VISIBLE_DEVICES: '1' }, ['NVIDIA RTX A6000', 'Quadro P4000']],
    [{ CUDA_VISIBLE_DEVICES: 'MIG-4b6d6ff1' }, ['NVIDIA RTX A6000', 'Quadro P4000']],
    [{ CUDA_VISIBLE_DEVICES: '' }, []],
    [{ CUDA_VISIBLE_DEVICES: '-1' }, []],
    [{ CUDA_VISIBLE_DEVICES: 'NoDevFiles' }, []],
  ])('%j leaves visible %j', async (env, names) => {
    const { gpus } = await look(nvidiaSmiOf('mixed'), env);
    expect(gpus.map(({ name }) => name)).toEqual(names);
  });
});
