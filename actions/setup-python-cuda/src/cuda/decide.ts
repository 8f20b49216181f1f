import { annotate } from '@mlops/core';
import type { Uv } from '../uv/uv.ts';
import type { Wish } from './candidates.ts';
import { chooseBackends, type Situation } from './choose.ts';
import { lookForGpus, type Machine } from './machine.ts';
import { type CudaRequest, cudaRequest } from './request.ts';
import { backendsWith, readComponents } from './toolkit.ts';
import { knownBackends, servedBackends, type Where } from './uv-torch.ts';

/** What the inputs `cuda` and `cuda-packages` come to on this machine. */
export interface Decision {
  /** The input `cuda` as it is written. */
  written: string;
  request: CudaRequest;
  machine: Machine;
  wish: Wish;
  /** Where uv was asked. */
  where: Where;
}

/**
 * Looks at the machine and decides which torch backends are in question. What cannot work is an error here, before any
 * package is fetched. Undefined for `cuda: none`.
 */
export async function decideCuda(
  { cuda, cudaPackages }: { cuda: string; cudaPackages: readonly string[] },
  uv: Uv,
  where: Where,
): Promise<Decision | undefined> {
  const components = readComponents(cudaPackages);
  if (cuda === 'none') {
    backendsWith(components, cuda, []);
    return undefined;
  }
  const [known, machine] = await Promise.all([knownBackends(uv, where), lookForGpus(where.signal)]);
  const request = cudaRequest(cuda, known);
  const served = machine.driver && machine.gpus.length ? await servedBackends(uv, machine.driver, where) : [];
  const situation = { machine, platform: process.platform, uvVersion: uv.version, known, served };
  announce(machine);
  const { candidates, notice } = chooseBackends({ ...situation, request });
  if (notice) annotate('notice', notice, { title: 'GPUs of several generations' });
  const wish = {
    candidates: backendsWith(components, cuda, candidates),
    fitting: fittingHere(situation),
    components,
  };
  return { written: cuda, request, machine, wish, where };
}

/** Every backend that runs here, the best one first. */
function fittingHere(situation: Omit<Situation, 'request'>): string[] {
  const { machine, known } = situation;
  if (!machine.gpus.length) return [...known, 'cpu'];
  try {
    return [...chooseBackends({ ...situation, request: { kind: 'auto' } }).candidates, 'cpu'];
  } catch {
    return ['cpu'];
  }
}

function announce({ driver, gpus, warning }: Machine): void {
  for (const { name, capability, memoryMiB, mig } of gpus)
    process.stdout.write(
      `GPU: ${name}${capability === undefined ? '' : `, sm_${capability}`}${memoryMiB === undefined ? '' : `, ${memoryMiB} MiB`}${mig ? ', divided (MIG)' : ''}; driver ${driver}\n`,
    );
  if (!gpus.length) process.stdout.write('No GPU of NVIDIA is found here.\n');
  if (warning)
    annotate(
      'warning',
      `${gpus.length ? '' : 'There is a driver for GPUs, but it does not work: '}nvidia-smi says: ${warning}`,
      {
        title: 'nvidia-smi',
      },
    );
}
