import { type Context, exportVariable, UserError } from '@mlops/core';
import type { action } from '../action.ts';
import { lookForGpus } from './machine.ts';
import { publishMachine } from './publish.ts';
import { cudaRequest } from './request.ts';

/**
 * What conda's and pixi's solvers shall take for the CUDA of this machine: by themselves they ask the driver, which is
 * what `auto` is. A version, or none for `cpu`, is told in CONDA_OVERRIDE_CUDA.
 */
export async function cudaForPrefix(
  { cuda, activate }: { cuda: string; activate: boolean },
  context: Context<typeof action>,
): Promise<Record<string, string>> {
  const request = cudaRequest(cuda, []);
  if (request.kind === 'version' && process.platform === 'darwin')
    throw new UserError(`input cuda: '${cuda}' cannot be had on macOS, which has no CUDA`);
  const machine = await lookForGpus(context.signal);
  publishMachine(context, machine);
  if (request.kind === 'auto') return {};
  const override =
    request.kind === 'cpu'
      ? ''
      : [request.major, ...(request.minor === undefined ? [] : [request.minor])].join('.');
  if (override) context.outputs.cudaVersion = override;
  if (activate) exportVariable('CONDA_OVERRIDE_CUDA', override);
  return { CONDA_OVERRIDE_CUDA: override };
}
