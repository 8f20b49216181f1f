import { readInputs } from '@mlops/core/read-inputs';
import { describe, expect, test } from 'vitest';
import { action } from '../src/action.ts';
import type { Manager } from '../src/manager-files.ts';
import { refuseMeaningless } from '../src/refuse-inputs.ts';

async function told(manager: Manager, given: Record<string, string>): Promise<string> {
  const env = Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]);
  const { inputs } = await readInputs(action, { GITHUB_WORKSPACE: '/', ...Object.fromEntries(env) });
  try {
    refuseMeaningless(inputs, manager);
    return 'nothing';
  } catch (error) {
    return String(error);
  }
}

describe('an input that there is no use for', () => {
  test.each<[Manager, string, string, string]>([
    ['pip', 'extras', 'gpu', "input extras: 'gpu' has no meaning for requirements files"],
    ['pip', 'conda-channels', 'forge', "input conda-channels: 'forge' has no meaning for requirements files"],
    ['uv', 'constraints', 'c.txt', "input constraints: 'c.txt' has no meaning for uv.lock"],
    ['poetry', 'resolution', 'lowest', "input resolution: 'lowest' has no meaning for poetry.lock"],
    ['pipenv', 'extras', 'gpu', "input extras: 'gpu' has no meaning for Pipfile.lock"],
    ['pylock', 'exclude-groups', 'dev', "input exclude-groups: 'dev' has no meaning for pylock.toml"],
    ['python-env', 'groups', 'dev', "input groups: 'dev' has no meaning for python_env.yaml"],
    ['pyproject', 'pixi-frozen', 'true', "input pixi-frozen: 'true' has no meaning for pyproject.toml"],
    ['conda', 'cuda-packages', 'nvcc', "input cuda-packages: 'nvcc' has no meaning for conda"],
    ['conda', 'uv-version', '0.9.5', "input uv-version: '0.9.5' has no meaning for conda"],
    ['conda', 'pip-version', '25.0', "input pip-version: '25.0' has no meaning for conda"],
    ['pixi', 'python-version', '3.12', "input python-version: '3.12' has no meaning for pixi"],
    ['pixi', 'check-latest', 'true', "input check-latest: 'true' has no meaning for pixi"],
    ['pixi', 'condarc', 'a: b\nc: d', "input condarc: 'a: b' has no meaning for pixi"],
  ])('for %s: %s', async (manager, input, value, message) => {
    expect(await told(manager, { [input]: value })).toContain(message);
  });

  test('comes with what to do instead', async () => {
    expect(await told('conda', { 'cuda-packages': 'nvcc' })).toContain("'cuda-nvcc'");
    expect(await told('pixi', { groups: 'test' })).toContain("'pixi-environments'");
  });

  test.each<[Manager, Record<string, string>]>([
    ['conda', { 'python-version': '3.12', 'conda-tool': 'mamba', groups: 'dev' }],
    ['pip', { groups: 'dev', constraints: 'c.txt', 'pip-version': 'latest', 'conda-tool': 'auto' }],
  ])('is none of those for %s: %j', async (manager, given) => {
    expect(await told(manager, given)).toBe('nothing');
  });
});
