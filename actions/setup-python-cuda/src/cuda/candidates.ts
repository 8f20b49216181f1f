import { UserError } from '@mlops/core';
import { explain } from '../failure/explain.ts';
import type { Target } from '../plan.ts';
import { ToolError } from '../run-tool.ts';
import { cudaVersion, versionText } from './backend.ts';
import { listed } from './request.ts';
import { type Resolution, type ResolveOptions, resolve } from './resolve.ts';

/** What is wanted of CUDA beside what the project's files say. */
export interface Wish {
  /** Torch backends that run here and are what was asked for, the best one first. Never empty. */
  candidates: readonly string[];
  /** All that run here, the best one first: what an error may advise. */
  fitting: readonly string[];
  /** Whether the project's files see to the build themselves, by an extra that was chosen for it. */
  byExtra?: boolean;
  /** Components of the CUDA toolkit, such as `nvcc`. */
  components: readonly string[];
}

export interface Settled {
  backend: string;
  resolution: Resolution;
}

/**
 * The first backend whose index, with the others, has what `argsFor` asks for, as uv's own `auto` tries them. Where
 * none has, the error says so, and which other backend has.
 */
export async function firstThatResolves(
  target: Target,
  { candidates, fitting }: Pick<Wish, 'candidates' | 'fitting'>,
  argsFor: (backend: string) => readonly string[],
  options: Pick<ResolveOptions, 'cwd' | 'env'>,
): Promise<Settled> {
  const attempt = async (backend: string): Promise<Settled | UserError> => {
    const args = [...argsFor(backend), '--torch-backend', backend];
    try {
      const resolution = await resolve(args, { ...target, python: target.python.path, ...options });
      return { backend, resolution };
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      const explained = await explain(error, target.project, target.folder, target.workspace);
      if (!isUnsolvable(error)) throw explained;
      return explained;
    }
  };
  const first = async (backends: readonly string[]): Promise<Settled | UserError | undefined> => {
    let failure: UserError | undefined;
    for (const backend of backends) {
      const settled = await attempt(backend);
      if (!(settled instanceof UserError)) return settled;
      failure ??= settled;
    }
    return failure;
  };
  const settled = await first(candidates);
  if (settled && !(settled instanceof UserError)) return settled;
  const other = await first(fitting.filter((backend) => !candidates.includes(backend)));
  if (!other || other instanceof UserError) throw settled;
  throw new UserError(`for ${named(candidates)} there is not what is wanted: ${settled?.message}`, {
    ...settled?.place,
    cause: settled,
    advice: `For ${named([other.backend])} there is: choose 'cuda: ${versionText(other.backend)}', or other versions of these packages.`,
  });
}

/** Whether an index lacks something, which another one may have. */
function isUnsolvable({ stderr }: ToolError): boolean {
  return /No solution found|not found in the/i.test(stderr);
}

function named(backends: readonly string[]): string {
  return cudaVersion(backends[0] ?? '') ? `CUDA ${listed(backends)}` : 'a processor';
}
