import { type Context, exportVariable } from '@mlops/core';
import type { EnvironmentRecord } from '@mlops/core/record';
import type { action } from '../action.ts';
import type { Uv } from '../uv.ts';
import { cudaVersion, versionText } from './backend.ts';
import type { Decision } from './decide.ts';
import type { Gpu, Machine } from './machine.ts';
import { indexOf } from './uv-torch.ts';

type ActionContext = Context<typeof action>;

/** Tells the steps that follow, and the run record, what was decided. */
export async function publishCuda(
  context: ActionContext,
  uv: Uv,
  { machine, request }: Decision,
  backend: string,
  forLaterSteps: boolean,
): Promise<NonNullable<EnvironmentRecord['cuda']>> {
  const { outputs, workingDirectory: cwd, signal } = context;
  publishMachine(context, machine);
  outputs.torchBackend = backend;
  const index = await indexOf(uv, backend, { cwd, signal });
  if (index) outputs.indexUrl = index;
  if (cudaVersion(backend)) outputs.cudaVersion = versionText(backend);
  if (forLaterSteps && process.platform !== 'darwin') {
    exportVariable('UV_TORCH_BACKEND', backend);
    // Conda's solver takes the machine's word for what CUDA there is, which has none.
    if (request.kind === 'version' && !machine.gpus.length)
      exportVariable('CONDA_OVERRIDE_CUDA', versionText(backend));
  }
  return { backend, driver: machine.driver ?? null, gpus: machine.gpus.map(described) };
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
