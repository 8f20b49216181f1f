import { UserError } from '@mlops/core';
import type { Dependencies } from './dependencies.ts';
import type { ChosenPython } from './python-version.ts';

/** The images that a Dockerfile starts from. */
export interface BaseImages {
  builder: string;
  runtime: string;
  /** Where the interpreter comes from: the base image, or uv, which brings one that runs on any of glibc. */
  python: 'image' | 'uv' | 'conda';
  /** Whether GPU libraries are there, so that the driver's have to be asked for. */
  gpu: boolean;
  because: string[];
}

/** Images of tools whose environments are not made by uv; versions are fixed here. */
const micromamba = 'mambaorg/micromamba:2.9.0';
const pixi = 'ghcr.io/prefix-dev/pixi:0.76.2';
const debian = 'debian:bookworm-slim';
/** An older C library than that of the images which an environment built on it may be copied to. */
const oldEnough = (python: string) => `python:${python}-slim-bookworm`;

/**
 * The newest release of each CUDA that NVIDIA publishes images on Ubuntu 24.04 of:
 * https://gitlab.com/nvidia/container-images/cuda/blob/master/doc/supported-tags.md.
 */
const cudaReleases: Readonly<Record<string, string>> = {
  '12.6': '12.6.3',
  '12.8': '12.8.1',
  '12.9': '12.9.1',
  '13.0': '13.0.2',
  '13.3': '13.3.0',
};

/** Packages that load CUDA's libraries from the system, and whether cuDNN as well. */
const needsSystemCuda: Readonly<Record<string, 'cuda' | 'cudnn'>> = {
  'onnxruntime-gpu': 'cudnn',
  'paddlepaddle-gpu': 'cudnn',
  'tensorflow-gpu': 'cudnn',
  'cupy-cuda11x': 'cuda',
  'cupy-cuda12x': 'cuda',
  'cupy-cuda13x': 'cuda',
  ctranslate2: 'cudnn',
};
/** Packages that ask for NVIDIA's wheels themselves. */
const bringsCuda = ['torch', 'vllm', 'sglang', 'bitsandbytes'];

/**
 * Chooses the images. Where wheels bring CUDA, as those of PyTorch do, an image with CUDA would only bring it twice.
 *
 * @param cuda a version such as `12.9` or `12.9.1`, `none`, or undefined to go by what is installed.
 * @throws UserError for a CUDA that there is no image of.
 */
export function chooseBase(
  { manager, names, locked }: Pick<Dependencies, 'manager' | 'names' | 'locked'>,
  python: ChosenPython,
  { base, cuda }: { base?: string | undefined; cuda?: string | undefined },
): BaseImages {
  const slim = `python:${python.version}-slim`;
  const inWheels =
    cuda !== 'none' &&
    ([...names].some((name) => /^nvidia-(cuda-runtime|cublas)/.test(name)) ||
      (!locked && bringsCuda.some((name) => names.has(name))));
  if (manager === 'conda' || manager === 'pixi') return ofConda(manager, base, cuda);
  if (base) {
    const hasPython = /(^|\/)python:/.test(base);
    return {
      builder: hasPython ? base : oldEnough(python.version),
      runtime: base,
      python: hasPython ? 'image' : 'uv',
      gpu: inWheels || (cuda !== undefined && cuda !== 'none'),
      because: [
        `Base image ${base}, as asked for${hasPython ? '' : `; uv brings Python ${python.version} along, as it may have none`}.`,
      ],
    };
  }
  const system = [...names].find((name) => name in needsSystemCuda);
  if (cuda && cuda !== 'none' && !inWheels) {
    const release = cudaRelease(cuda);
    const wantsCudnn = system !== undefined && needsSystemCuda[system] === 'cudnn' && !hasCudnn(names);
    const runtime = `nvidia/cuda:${release}-${wantsCudnn ? 'cudnn-' : ''}runtime-ubuntu24.04`;
    return {
      builder: oldEnough(python.version),
      runtime,
      python: 'uv',
      gpu: false, // NVIDIA's images say so themselves.
      because: [
        `Base image ${runtime}: CUDA ${release} is asked for and no wheel brings it${wantsCudnn ? `; ${system} loads cuDNN, too` : ''}. uv brings Python ${python.version} along.`,
      ],
    };
  }
  return {
    builder: slim,
    runtime: slim,
    python: 'image',
    gpu: inWheels,
    because: [
      inWheels
        ? `Base image ${slim}: the wheels bring CUDA's libraries along, and the driver's come from the machine.`
        : `Base image ${slim}: small, and every wheel for Linux installs on it.`,
      ...(system && !inWheels && cuda !== 'none'
        ? [
            `${system} loads CUDA from the system, which this image has not: set the version of CUDA to use it on GPUs.`,
          ]
        : []),
    ],
  };
}

/** The patch release of a CUDA that is asked for as `12.9`, or the one that is asked for exactly. */
function cudaRelease(cuda: string): string {
  const [major = 0, minor = 0] = cuda.split('.').map(Number);
  const isRecent = major > 12 || (major === 12 && minor >= 6);
  if (/^\d+\.\d+\.\d+$/.test(cuda) && isRecent) return cuda;
  const release = cudaReleases[cuda];
  if (release) return release;
  throw new UserError(`CUDA '${cuda}' is none that an image on Ubuntu 24.04 is known of`, {
    advice: `Use ${Object.keys(cudaReleases).join(', ')} or an exact release from 12.6.0 on, 'none', or name the base image.`,
  });
}

function hasCudnn(names: ReadonlySet<string>): boolean {
  return [...names].some((name) => name.startsWith('nvidia-cudnn'));
}

function ofConda(manager: 'conda' | 'pixi', base: string | undefined, cuda: string | undefined): BaseImages {
  const runtime = base ?? debian;
  return {
    builder: manager === 'pixi' ? pixi : micromamba,
    runtime,
    python: 'conda',
    gpu: cuda !== undefined && cuda !== 'none',
    because: [
      `Base image ${runtime}${base ? ', as asked for' : ''}: the environment that ${manager === 'pixi' ? 'pixi' : 'micromamba'} makes brings Python and all libraries but the C library.`,
    ],
  };
}
