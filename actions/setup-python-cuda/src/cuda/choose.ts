import { UserError } from '@mlops/core';
import { versionText } from './backend.ts';
import { architecture, backendsFor, type Capability, generation, hasKernels } from './capability.ts';
import type { Gpu, Machine } from './machine.ts';
import { type CudaRequest, isAskedFor, listed } from './request.ts';

/** Everything that the choice depends on. */
export interface Situation {
  request: CudaRequest;
  machine: Machine;
  platform: NodeJS.Platform;
  uvVersion: string;
  /** The CUDA backends that uv knows, newest first. */
  known: readonly string[];
  /** Those of them that the machine's driver serves; without a driver it does not matter. */
  served: readonly string[];
}

export interface Choice {
  /** Backends that run here and are what was asked for, the best one first. Never empty. */
  candidates: string[];
  /** What the user should know about the choice. */
  notice?: string;
}

/**
 * The torch backends that fit driver, GPUs and request. What cannot work is an error that names the cause and what to
 * choose instead. Without a GPU `auto` is `cpu`, and a version is taken at its word.
 */
export function chooseBackends(situation: Situation): Choice {
  const { request, machine, platform, known, served, uvVersion } = situation;
  if (request.kind === 'cpu') return { candidates: ['cpu'] };
  if (request.kind === 'auto') {
    if (!machine.gpus.length || platform === 'darwin') return { candidates: ['cpu'] };
    return automatic(machine, served);
  }
  const { written } = request;
  if (platform === 'darwin')
    throw new UserError(`input cuda: '${written}' cannot be had on macOS, which has no CUDA`, {
      advice:
        "Leave 'cuda' out there, or choose 'auto', which is what PyTorch has for macOS; or run on Linux or Windows.",
    });
  const asked = known.filter((backend) => isAskedFor(request, backend));
  if (!asked.length)
    throw new UserError(`input cuda: uv ${uvVersion} knows no CUDA ${versionText(written)}`, {
      advice: `It knows ${listed(known)}. A newer uv may know more.`,
    });
  if (!machine.gpus.length) return { candidates: asked };
  const byDriver = asked.filter((backend) => served.includes(backend));
  if (!byDriver.length) throw driverTooOld(machine, asked, served);
  const candidates = byDriver.filter((backend) => unserved(backend, machine.gpus) === undefined);
  if (!candidates.length) throw noKernels(byDriver, machine, served);
  return { candidates };
}

function automatic(machine: Machine, served: readonly string[]): Choice {
  if (!served.length)
    throw new UserError(`driver ${machine.driver} is too old for every CUDA that uv knows`, {
      advice: "Update the driver, or choose 'cuda: cpu'.",
    });
  const capabilities = distinctCapabilities(machine.gpus);
  const [oldest] = capabilities;
  const forOldest = served.filter((backend) => oldest === undefined || hasKernels(backend, oldest));
  const forAll = forOldest.filter((backend) => unserved(backend, machine.gpus) === undefined);
  const [best] = forAll;
  if (!best) {
    if (!forOldest.length || capabilities.length < 2) throw noKernels(served, machine, served);
    throw new UserError(`no one backend serves all GPUs here: ${eachGpu(machine.gpus)}`, {
      advice:
        'Hide those that are not used: name the others by their UUIDs (nvidia-smi -L) in CUDA_VISIBLE_DEVICES.',
    });
  }
  const notice =
    oldest !== undefined && capabilities.length > 1
      ? `There are GPUs of several generations (${eachGpu(machine.gpus)}). The oldest decides: ${generation(oldest)} (${architecture(oldest)}) has kernels in ${backendsFor(oldest)}, and so ${best} is chosen.`
      : undefined;
  return { candidates: forAll, ...(notice ? { notice } : {}) };
}

/** The first GPU that a backend has no kernels for. */
function unserved(backend: string, gpus: readonly Gpu[]): Gpu | undefined {
  return gpus.find(({ capability }) => capability !== undefined && !hasKernels(backend, capability));
}

function driverTooOld(machine: Machine, asked: readonly string[], served: readonly string[]): UserError {
  const fitting = served.filter((backend) => unserved(backend, machine.gpus) === undefined);
  const [newest] = fitting;
  return new UserError(`driver ${machine.driver} is too old for CUDA ${listed(asked)}`, {
    advice: newest
      ? `The newest that it serves is ${versionText(newest)}: choose 'cuda: ${versionText(newest)}' or 'auto', or update the driver.`
      : "It serves none that has kernels for this machine's GPUs: update the driver, or choose 'cuda: cpu'.",
  });
}

function noKernels(asked: readonly string[], machine: Machine, served: readonly string[]): UserError {
  const gpu = unserved(asked[0] ?? '', machine.gpus) ?? machine.gpus[0];
  const capability = gpu?.capability ?? 0;
  const [fitting] = served.filter((backend) => unserved(backend, machine.gpus) === undefined);
  return new UserError(
    `PyTorch for CUDA ${listed(asked)} has no kernels for ${gpu?.name} (${generation(capability)}, ${architecture(capability)})`,
    {
      advice: fitting
        ? `Those of ${backendsFor(capability)} have: choose 'cuda: ${versionText(fitting)}' or 'auto'.`
        : `Those of ${backendsFor(capability)} have, which driver ${machine.driver} does not serve${machine.gpus.length > 1 ? ', or which have none for the other GPUs' : ''}: update the driver, or choose 'cuda: cpu'.`,
    },
  );
}

function distinctCapabilities(gpus: readonly Gpu[]): Capability[] {
  const known = gpus.flatMap(({ capability }) => (capability === undefined ? [] : [capability]));
  return [...new Set(known)].sort((a, b) => a - b);
}

function eachGpu(gpus: readonly Gpu[]): string {
  const named = gpus.map(({ name, capability }) =>
    capability === undefined ? name : `${name}, ${architecture(capability)}`,
  );
  return [...new Set(named)].join('; ');
}
