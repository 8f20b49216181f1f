import { type Context, exportVariable } from '@mlops/core';
import type { EnvironmentRecord } from '@mlops/core/record';
import type { action } from '../action.ts';
import type { Uv } from '../uv/uv.ts';
import { cudaVersion, versionText } from './backend.ts';
import type { Decision } from './decide.ts';
import type { Gpu, Machine } from './machine.ts';
import { indexOf } from './uv-torch.ts';

type ActionContext = Context<typeof action>;

/** Sets the outputs about what was decided, and returns what the run record says of it. */
export async function publishCuda(
  context: ActionContext,
  uv: Uv,
  { machine, where }: Decision,
  backend: string,
): Promise<NonNullable<EnvironmentRecord['cuda']>> {
  const { outputs } = context;
  publishMachine(context, machine);
  outputs.torchBackend = backend;
  const index = await indexOf(uv, backend, where);
  if (index) outputs.indexUrl = index;
  if (cudaVersion(backend)) outputs.cudaVersion = versionText(backend);
  return { backend, driver: machine.driver ?? null, gpus: machine.gpus.map(described) };
}

/**
 * Has `uv pip` and conda in later steps follow the decision. Not before everything is installed: uv would take PyTorch
 * from its own index even where a lock names another one that has the same build.
 */
export function exportBackend({ machine, request }: Decision, backend: string): void {
  if (process.platform === 'darwin') return;
  exportVariable('UV_TORCH_BACKEND', backend);
  // Conda's solver takes the machine's word for what CUDA there is, which has none.
  if (request.kind === 'version' && !machine.gpus.length)
    exportVariable('CONDA_OVERRIDE_CUDA', versionText(backend));
}

/** The outputs about the machine itself. */
export function publishMachine({ outputs }: ActionContext, { driver, gpus }: Machine): void {
  if (driver) outputs.driverVersion = driver;
  outputs.gpuJson = JSON.stringify(gpus.map(described));
}

function described({ name, capability, memoryMiB, mig }: Gpu) {
  return {
    name,
    computeCapability: capability === undefined ? null : `${Math.floor(capability / 10)}.${capability % 10}`,
    memoryMiB: memoryMiB ?? null,
    mig,
  };
}
