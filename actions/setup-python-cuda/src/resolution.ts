import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '@mlops/core';

/** How versions are chosen where no lock fixes them. */
export interface Resolution {
  /** Absolute paths of files with constraints. */
  constraints: readonly string[];
  strategy: 'highest' | 'lowest' | 'lowest-direct' | undefined;
  prerelease: 'allow' | 'disallow' | 'if-necessary' | undefined;
}

/** What the inputs say about it; undefined where they say nothing. */
export function resolutionOf(
  inputs: {
    constraints: readonly string[];
    resolution: Resolution['strategy'];
    prerelease: Resolution['prerelease'];
  },
  folder: string,
): Resolution | undefined {
  const { constraints, resolution: strategy, prerelease } = inputs;
  for (const name of constraints)
    if (!existsSync(resolve(folder, name)))
      throw new UserError(`input constraints: '${name}' does not exist in ${folder}`, {
        advice: "Paths are relative to 'working-directory'.",
      });
  if (!constraints.length && !strategy && !prerelease) return undefined;
  return { constraints: constraints.map((name) => resolve(folder, name)), strategy, prerelease };
}

/** The arguments of `uv pip install` that say so. */
export function resolutionArguments(resolution: Resolution | undefined): string[] {
  if (!resolution) return [];
  const { constraints, strategy, prerelease } = resolution;
  return [
    ...constraints.flatMap((file) => ['--constraint', file]),
    ...(strategy ? ['--resolution', strategy] : []),
    ...(prerelease ? ['--prerelease', prerelease] : []),
  ];
}

/** Refuses these inputs where they would be passed over in silence. */
export function refuseResolution(resolution: Resolution | undefined, why: string): void {
  if (!resolution) return;
  const { constraints, strategy, prerelease } = resolution;
  const [input, value] = constraints.length
    ? ['constraints', constraints.join(', ')]
    : strategy
      ? ['resolution', strategy]
      : ['prerelease', prerelease];
  throw new UserError(`input ${input}: '${value}' has no meaning here: ${why}`, {
    advice: 'Apply it where the lock is written, and commit the result; or leave it out.',
  });
}
