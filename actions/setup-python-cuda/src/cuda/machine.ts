import { nvidiaSmi } from '@mlops/core/nvidia-smi';
import { type Capability, readCapability } from './capability.ts';

export interface Gpu {
  name: string;
  /** Undefined where the driver is too old to tell. */
  capability: Capability | undefined;
  memoryMiB: number | undefined;
  /** Whether it is divided into instances. */
  mig: boolean;
}

/** The GPUs of this machine, and the driver that runs them. */
export interface Machine {
  /** Undefined where no driver answers. */
  driver: string | undefined;
  /** Those that CUDA_VISIBLE_DEVICES leaves visible. */
  gpus: Gpu[];
  /** What nvidia-smi complained of. */
  warning?: string;
}

const fields = [
  'driver_version',
  'name',
  'compute_cap',
  'memory.total',
  'mig.mode.current',
  'uuid',
  'index',
] as const;

/** Looks for NVIDIA's GPUs. A driver that does not work is as good as none, but not without a warning. */
export async function lookForGpus(
  signal: AbortSignal,
  env: NodeJS.ProcessEnv = process.env,
  timeoutMs?: number,
): Promise<Machine> {
  const found = await nvidiaSmi(fields, { signal, env, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  if (found.state === 'absent') return { driver: undefined, gpus: [] };
  if (found.state === 'broken')
    return {
      driver: undefined,
      gpus: [],
      // A machine without GPUs may have the driver all the same, as in an image that is shared with others.
      ...(found.message === noDevices ? {} : { warning: found.message }),
    };
  const visible = found.gpus.filter(isVisible(env));
  const driver = found.gpus.find((row) => row.driver_version)?.driver_version;
  if (!driver) return { driver, gpus: [], warning: 'it tells no version of the driver' };
  return {
    driver,
    gpus: visible.map((row) => ({
      name: row.name ?? 'unknown GPU',
      capability: readCapability(row.compute_cap),
      memoryMiB: row['memory.total'] === undefined ? undefined : Number(row['memory.total']),
      mig: row['mig.mode.current'] === 'Enabled',
    })),
    ...(found.warning ? { warning: found.warning } : {}),
  };
}

const noDevices = 'No devices were found';

/**
 * Whether CUDA will see a GPU (https://docs.nvidia.com/cuda/cuda-c-programming-guide/#cuda-environment-variables). Its
 * numbers are those of nvidia-smi only in the order of the bus; in the order of speed they tell nothing here.
 */
function isVisible({ CUDA_VISIBLE_DEVICES: listed, CUDA_DEVICE_ORDER: order }: NodeJS.ProcessEnv) {
  return ({ uuid, index }: { uuid: string | undefined; index: string | undefined }): boolean => {
    if (listed === undefined) return true;
    const names = listed.split(',').map((name) => name.trim());
    const first = names[0] ?? '';
    if (first === '' || first === '-1' || first === 'NoDevFiles') return false;
    if (first.startsWith('GPU-')) return names.some((name) => name !== '' && uuid?.startsWith(name));
    if (first.startsWith('MIG-') || order !== 'PCI_BUS_ID') return true;
    return names.includes(index ?? '');
  };
}
