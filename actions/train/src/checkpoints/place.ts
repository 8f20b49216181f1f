import { relative } from 'node:path';
import { type Context, UserError } from '@mlops/core';
import { hashText } from '@mlops/core/hash';
import { cacheStore, type Store } from '@mlops/core/store';
import { canonical } from '../key.ts';
import { overlap, pathProblem, relation } from '../paths.ts';
import type { Run } from '../stages.ts';

type Place = Pick<Context, 'github' | 'workingDirectory' | 'record'>;

/** Where checkpoints are kept for other jobs and attempts; undefined with `cache: off`. */
export function checkpointStore(
  { github, signal }: Pick<Context, 'github' | 'signal'>,
  cache: 'auto' | 'off',
): Store | undefined {
  return cache === 'off' ? undefined : cacheStore({ trigger: github, forSameRef: true, signal });
}

/** The run of the workflow: all its attempts and jobs share one. On a machine of one's own, each run is by itself. */
export function runOf({ github, record }: Place): string {
  return github.runId === '0' ? record.startedAt : github.runId;
}

/** A digest of what tells this project, and this job of a matrix, from others that may run the same commands. */
export function projectOf({ github, workingDirectory }: Place, matrix: unknown): string {
  const folder = relative(github.workspace, workingDirectory);
  return hashText(canonical({ repository: github.repository ?? workingDirectory, folder, matrix }));
}

/**
 * What is wrong with the input `checkpoint-dir`. The folder is emptied before each stage, so nothing that stages read or
 * write may lie in it.
 */
export function checkpointDirProblems(dir: string, run: Run | undefined): UserError[] {
  const problem =
    pathProblem(dir, 'output') ??
    (['.mlops', '.git'].some((reserved) => overlap(dir, reserved))
      ? 'that folder has a use already'
      : undefined);
  if (problem) return [new UserError(`input checkpoint-dir: '${dir}' cannot be used: ${problem}`)];
  if (run === undefined || typeof run === 'string') return [];
  return run.flatMap(({ name, inputs, outputs }) => [
    ...inputs
      .filter((input) => relation(input, dir))
      .map((input) => clash(dir, `the input '${input}' of stage '${name}' holds it, or lies in it`)),
    ...outputs
      .filter((output) => overlap(output, dir))
      .map((output) => clash(dir, `the output '${output}' of stage '${name}' holds it, or lies in it`)),
  ]);
}

function clash(dir: string, why: string): UserError {
  return new UserError(`input checkpoint-dir: '${dir}' cannot be used: ${why}`, {
    advice: 'The folder is emptied before a stage runs. Name one that only holds checkpoints.',
  });
}
