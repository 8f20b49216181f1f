import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '@mlops/core';
import type { Target } from '../plan.ts';
import { normalName } from '../requirements.ts';
import { shownFrom } from '../shown-path.ts';
import { readToml } from '../toml-file.ts';
import type { Wish } from './candidates.ts';

/**
 * The extra that brings PyTorch for one of the backends wished for, where a project has extras that are named for
 * backends, as uv's guide to PyTorch has it: `cpu`, `cu128`. Undefined where it has none.
 */
export async function backendExtra(
  { project, selection, folder, workspace }: Pick<Target, 'project' | 'selection' | 'folder' | 'workspace'>,
  { candidates }: Wish,
  written: string,
): Promise<string | undefined> {
  if (project.manager !== 'uv' && project.manager !== 'pyproject') return undefined;
  const manifest = [folder, dirname(project.files[0] ?? folder)]
    .map((each) => join(each, 'pyproject.toml'))
    .find((each) => existsSync(each));
  if (!manifest) return undefined;
  const shown = shownFrom(workspace, manifest);
  const offered = backendExtras(await readToml(manifest, shown));
  if (!offered.length) return undefined;
  const named = selection.extras.find((extra) => offered.includes(normalName(extra)));
  if (named !== undefined && !candidates.includes(normalName(named)))
    throw new UserError(
      `input extras: '${named}' is for another backend than 'cuda: ${written}', which means ${candidates.join(', ')} here`,
      { advice: "Leave the extra out, and it is chosen; or say the same with 'cuda'." },
    );
  const chosen = named ? normalName(named) : candidates.find((backend) => offered.includes(backend));
  if (chosen === undefined)
    throw new UserError(
      `pyproject.toml has no extra for 'cuda: ${written}', which means ${candidates.join(', ')} here`,
      {
        file: shown,
        line: 1,
        advice: `It has ${offered.join(', ')}: add one of the former, or choose one of the latter with 'cuda'.`,
      },
    );
  return chosen;
}

/** Extras that are named for a backend and require a package of PyTorch's. */
function backendExtras({
  project,
}: {
  project?: { 'optional-dependencies'?: Record<string, string[]> };
}): string[] {
  return Object.entries(project?.['optional-dependencies'] ?? {})
    .filter(
      ([name, requirements]) =>
        /^(cpu|cu\d{2,})$/.test(name) && requirements.some((each) => /^torch/i.test(each)),
    )
    .map(([name]) => name);
}
