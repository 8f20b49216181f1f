import { compareBackends } from './backend.ts';

/** Compute capability as its architecture is numbered: 75 for 7.5 (sm_75), 120 for 12.0. */
export type Capability = number;

/** Reads what nvidia-smi calls compute_cap, such as `8.6`; undefined where it is none. */
export function readCapability(text: string | undefined): Capability | undefined {
  const [, major, minor] = /^(\d+)\.(\d)$/.exec(text ?? '') ?? [];
  return major && minor ? Number(major) * 10 + Number(minor) : undefined;
}

export function architecture(capability: Capability): string {
  return `sm_${capability}`;
}

interface Line {
  /** The highest capability of this line of GPUs. */
  upTo: Capability;
  name: string;
  /** The first and the last backend whose PyTorch has kernels for it; no last one where there is none yet. */
  first: string;
  last?: string;
}

/**
 * Which backends have kernels for which GPUs; uv does not tell. First: the release of CUDA that brought the
 * architecture (https://docs.nvidia.com/cuda/archive/, release notes). Last: where PyTorch's builds leave it out
 * (https://github.com/pytorch/pytorch/blob/main/.ci/manywheel/build_cuda.sh and RELEASE.md): cu118 for the last of
 * Kepler, cu126 for Maxwell, Pascal and Volta.
 */
const lines: readonly Line[] = [
  { upTo: 34, name: 'Kepler', first: 'cu80', last: 'cu102' },
  { upTo: 37, name: 'Kepler', first: 'cu80', last: 'cu118' },
  { upTo: 53, name: 'Maxwell', first: 'cu80', last: 'cu126' },
  { upTo: 62, name: 'Pascal', first: 'cu80', last: 'cu126' },
  { upTo: 72, name: 'Volta', first: 'cu90', last: 'cu126' },
  { upTo: 75, name: 'Turing', first: 'cu100' },
  { upTo: 80, name: 'Ampere', first: 'cu110' },
  { upTo: 87, name: 'Ampere', first: 'cu111' },
  { upTo: 89, name: 'Ada', first: 'cu118' },
  { upTo: 90, name: 'Hopper', first: 'cu118' },
  { upTo: 103, name: 'Blackwell', first: 'cu128' },
  { upTo: 110, name: 'Blackwell', first: 'cu130' },
  { upTo: 121, name: 'Blackwell', first: 'cu128' },
];

/** A GPU that is newer than this table is for the newest backend to serve. */
const newer: Line = { upTo: Number.POSITIVE_INFINITY, name: 'newer than Blackwell', first: 'cu130' };

function lineOf(capability: Capability): Line {
  return lines.find(({ upTo }) => capability <= upTo) ?? newer;
}

/** The name of a GPU's generation, such as `Volta`. */
export function generation(capability: Capability): string {
  return lineOf(capability).name;
}

/** Whether a backend has kernels that run on GPUs of this capability. */
export function hasKernels(backend: string, capability: Capability): boolean {
  const { first, last } = lineOf(capability);
  return compareBackends(backend, first) >= 0 && (last === undefined || compareBackends(backend, last) <= 0);
}

/** Which backends have kernels for it: `cu90 to cu126`, or `cu128 and later`. */
export function backendsFor(capability: Capability): string {
  const { first, last } = lineOf(capability);
  return last ? `${first} to ${last}` : `${first} and later`;
}
