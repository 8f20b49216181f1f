import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { suggest, UserError } from '@mlops/core';
import type { Target } from '../plan.ts';
import { normalName } from '../requirements.ts';
import { cudaVersion, versionText } from './backend.ts';

/*
 * The CUDA toolkit from NVIDIA's wheels on the package index. The metapackage `cuda-toolkit` has a version for every
 * release of CUDA and an extra for every component, and leads to `nvidia-…-cu12` for 12.x and to `nvidia-…` from 13 on.
 */

/** Libraries of NVIDIA that are released apart from the toolkit, in wheels named for CUDA's major version. */
const apart = ['cudnn', 'nccl', 'cusparselt', 'nvshmem'];

/** The requirements that bring components of the toolkit in the version of a backend. */
export function toolkitRequirements(backend: string, components: readonly string[]): string[] {
  const [major] = cudaVersion(backend) ?? [];
  if (!components.length || major === undefined) return [];
  const extras = components.filter((name) => !apart.includes(name));
  return [
    ...(extras.length ? [`cuda-toolkit[${extras.join(',')}]==${versionText(backend)}.*`] : []),
    ...components.filter((name) => apart.includes(name)).map((name) => `nvidia-${name}-cu${major}`),
  ];
}

/** The input `cuda-packages`, normalised, each name once; also on one line, as `nvcc cudart`. */
export function readComponents(lines: readonly string[]): string[] {
  const names = lines.flatMap((line) => line.split(/[\s,]+/)).filter(Boolean);
  const wrong = names.find((name) => !/^[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?$/.test(name));
  if (wrong !== undefined)
    throw new UserError(`input cuda-packages: '${wrong}' is no name of a component`, {
      advice:
        "Names are like 'nvcc' and 'cudart', one a line or with spaces between; 'cuda' names the version.",
    });
  return [...new Set(names.map(normalName))];
}

/** Those of the candidates that have the components, as far as that is known without an index. None is an error. */
export function backendsWith(
  components: readonly string[],
  written: string,
  candidates: readonly string[],
): string[] {
  const [best = 'cpu'] = candidates;
  if (!components.length) return [...candidates];
  const version = cudaVersion(best);
  if (!version)
    throw new UserError(
      `input cuda-packages: '${components[0]}' is for a version of CUDA, and ${
        written === 'auto'
          ? "'cuda: auto' finds no GPU here that would decide it"
          : `'cuda: ${written}' names none`
      }`,
      { advice: "Name it: 'cuda: 13', for instance." },
    );
  const having = components.includes('nvcc') ? candidates.filter(hasNvcc) : [...candidates];
  if (!having.length)
    throw new UserError(
      `input cuda-packages: NVIDIA's wheels have no nvcc for CUDA ${versionText(best)}, only ptxas and libnvvm`,
      {
        advice:
          "Choose 'cuda: 13', the first with the compiler in its wheels; or take cuda-nvcc from conda-forge with an environment.yml.",
      },
    );
  return having;
}

/** Wheels of 12.x and older bring the assembler and libdevice under nvcc's name, and no compiler. */
function hasNvcc(backend: string): boolean {
  return (cudaVersion(backend)?.[0] ?? 0) >= 13;
}

/** Refuses components that this version of the toolkit does not have, before anything is installed. */
export async function checkComponents(
  target: Target,
  backend: string,
  components: readonly string[],
): Promise<void> {
  if (!components.length) return;
  const known = [...(await componentsOf(target, backend)), ...apart];
  for (const name of components)
    if (!known.includes(name))
      throw new UserError(`input cuda-packages: '${name}' is no component of CUDA ${versionText(backend)}`, {
        advice: suggest(name, known),
      });
}

/** The components of a toolkit: the extras of its metapackage, which weighs two kilobytes. */
async function componentsOf({ uv, python, temp, signal }: Target, backend: string): Promise<string[]> {
  const folder = await mkdtemp(join(temp, 'cuda-toolkit-'));
  try {
    const wanted = `cuda-toolkit==${versionText(backend)}.*`;
    const args = ['pip', 'install', '--no-deps', '--target', folder, '--python', python.path, wanted];
    await uv.run(args, { cwd: temp, signal });
    const info = (await readdir(folder)).find((name) => name.endsWith('.dist-info')) ?? '';
    const metadata = await readFile(join(folder, info, 'METADATA'), 'utf8');
    return [...metadata.matchAll(/^Provides-Extra: (.+)$/gm)].map(([, extra = '']) => extra.trim());
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
