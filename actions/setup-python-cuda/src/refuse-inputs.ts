import { type InputsOf, UserError } from '@mlops/core';
import type { action } from './action.ts';
import { type Manager, managers } from './manager-files.ts';

type Inputs = InputsOf<typeof action>;

const names: Record<Manager, string> = {
  uv: 'uv.lock',
  pylock: 'pylock.toml',
  poetry: 'poetry.lock',
  pipenv: 'Pipfile.lock',
  pixi: 'pixi',
  conda: 'conda',
  'python-env': 'python_env.yaml',
  pip: 'requirements files',
  pyproject: 'pyproject.toml',
};

const byUv = managers.filter((manager) => manager !== 'conda' && manager !== 'pixi');
const loose: Manager[] = ['python-env', 'pip', 'pyproject'];

interface Limited {
  input: string;
  /** Unset where undefined, false, or an empty list. */
  value: string | boolean | readonly string[] | undefined;
  for: readonly Manager[];
  advice: string;
}

/** The inputs that not everything has a use for. */
function limited(inputs: Inputs): Limited[] {
  const condaTool = inputs.condaTool === 'auto' ? undefined : inputs.condaTool;
  const python = "Its environment says which Python, by itself or by 'python-version'.";
  const version = 'Apply it where the lock is written, and commit the result; or leave it out.';
  const ofConda = "It is for conda's locks and environments.";
  const ofPixi = "It is for pixi's workspaces.";
  const group =
    "Groups and extras belong to projects: name another file in 'dependency-files'; pixi's features make up 'pixi-environments'.";
  return [
    {
      input: 'extras',
      value: inputs.extras,
      for: ['uv', 'pylock', 'poetry', 'conda', 'pyproject'],
      advice: group,
    },
    {
      input: 'groups',
      value: inputs.groups,
      for: ['uv', 'pylock', 'poetry', 'pipenv', 'conda', 'pip', 'pyproject'],
      advice: group,
    },
    {
      input: 'exclude-groups',
      value: inputs.excludeGroups,
      for: ['uv', 'poetry', 'pipenv', 'conda', 'pyproject'],
      advice: 'No group is installed by default here.',
    },
    { input: 'constraints', value: inputs.constraints, for: loose, advice: version },
    { input: 'resolution', value: inputs.resolution, for: loose, advice: version },
    { input: 'prerelease', value: inputs.prerelease, for: loose, advice: version },
    {
      input: 'pip-version',
      value: inputs.pipVersion,
      for: byUv,
      advice: "Name pip among the environment's dependencies.",
    },
    {
      input: 'python-version',
      value: inputs.pythonVersion,
      for: [...byUv, 'conda'],
      advice: "The manifest says which Python: 'pixi add python=…' and commit pixi.lock.",
    },
    { input: 'python-version-file', value: inputs.pythonVersionFile, for: byUv, advice: python },
    {
      input: 'allow-python-prereleases',
      value: inputs.allowPythonPrereleases,
      for: byUv,
      advice: python,
    },
    { input: 'check-latest', value: inputs.checkLatest, for: byUv, advice: python },
    { input: 'uv-version', value: inputs.uvVersion, for: byUv, advice: 'uv has no part in it.' },
    {
      input: 'cuda-packages',
      value: inputs.cudaPackages,
      for: byUv,
      advice:
        "Its channels have the toolkit: add 'cuda-nvcc' and the like to the environment's dependencies.",
    },
    { input: 'conda-tool', value: condaTool, for: ['conda'], advice: ofConda },
    { input: 'conda-channels', value: inputs.condaChannels, for: ['conda'], advice: ofConda },
    { input: 'condarc', value: inputs.condarc, for: ['conda'], advice: ofConda },
    { input: 'create-args', value: inputs.createArgs, for: ['conda'], advice: ofConda },
    { input: 'pixi-environments', value: inputs.pixiEnvironments, for: ['pixi'], advice: ofPixi },
    { input: 'pixi-frozen', value: inputs.pixiFrozen, for: ['pixi'], advice: ofPixi },
  ];
}

/**
 * Refuses inputs that would be passed over in silence: what is set was meant. Not so with `install: false`, which a job
 * says that shares mlops.yaml with those that install.
 */
export function refuseMeaningless(inputs: Inputs, manager: Manager): void {
  for (const { input, value, for: those, advice } of limited(inputs)) {
    const [first] = [value].flat();
    if (first === undefined || first === false || those.includes(manager)) continue;
    const shown = String(first).split('\n')[0];
    throw new UserError(`input ${input}: '${shown}' has no meaning for ${names[manager]}`, { advice });
  }
}
