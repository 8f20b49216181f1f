import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  errorOf,
  index,
  installed,
  locked,
  project,
  runUv,
  setUp,
  workspace,
  write,
} from './setup-python-cuda/workbench.ts';

describe("MLflow's python_env.yaml", () => {
  test('is what MLproject names, with what it includes and builds need', async () => {
    await write({
      MLproject: 'name: demo\npython_env: env/python_env.yaml\n',
      'env/python_env.yaml':
        'python: ">=3.10"\nbuild_dependencies:\n  - setuptools==80.9.0\ndependencies:\n  - -r more.txt\n  - iniconfig==2.1.0\n  - -e ../own\n',
      'env/more.txt': 'six==1.16.0\n',
      'own/pyproject.toml':
        '[project]\nname = "own"\nversion = "1.0"\n[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n',
    });
    const result = await setUp();
    const own = expect.stringMatching(/^-e file:.*own$/);
    expect(await installed(result)).toEqual(['iniconfig==2.1.0', own, 'setuptools==80.9.0', 'six==1.16.0']);
    expect(result.annotations).toMatchObject([
      { level: 'notice', title: 'Not locked', file: 'env/python_env.yaml' },
    ]);
    expect(result.record?.environments).toMatchObject([{ manager: 'python-env', lock: null }]);
    expect(result.stdout).toContain("for '>=3.10' from env/python_env.yaml");
  });

  test.each([
    ['dependencies: six\n', 1, 'dependencies is not a list'],
    ['python: "3.99"\n', 1, 'names no dependencies'],
    ['dependencies:\n  - six\n  - {pip: [x]}\n', 3, 'dependencies: this is no requirement'],
    ['dependencies: [\n', 2, 'not valid YAML'],
  ])('%j is wrong at line %i', async (text, line, message) => {
    await write({ 'python_env.yaml': text });
    const error = errorOf(await setUp({ inputs: { 'dependency-files': 'python_env.yaml' } }));
    expect(error).toMatchObject({ file: 'python_env.yaml', line });
    expect(error?.message).toContain(message);
  });
});

test('poetry.lock of Poetry 1 is exported by Poetry', async () => {
  const poetry = `[tool.poetry]
name = "old"
version = "0.1.0"
description = ""
authors = []
[tool.poetry.dependencies]
python = ">=3.10,<4"
six = "1.16.0"
idna = {version = "*", optional = true}
[tool.poetry.extras]
names = ["idna"]
[tool.poetry.group.dev.dependencies]
iniconfig = "2.1.0"
[tool.poetry.group.docs]
optional = true
[tool.poetry.group.docs.dependencies]
docopt-ng = "0.9.0"
[[tool.poetry.source]]
name = "index"
url = "${await index()}"
priority = "primary"
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
`;
  await write({ 'pyproject.toml': poetry, 'old/__init__.py': '' });
  await runUv('tool', 'run', '--quiet', 'poetry@1.8.5', 'lock', '--no-interaction');
  expect(await readFile(join(workspace, 'poetry.lock'), 'utf8')).toContain('lock-version = "2.0"');
  const own = expect.stringMatching(/^-e file:/);
  expect(await installed(await setUp())).toEqual(['iniconfig==2.1.0', own, 'six==1.16.0']);
  const result = await setUp({ inputs: { extras: 'names', groups: 'docs', 'exclude-groups': 'dev' } });
  expect(await installed(result)).toEqual([
    'docopt-ng==0.9.0',
    expect.stringMatching(/^idna==/),
    own,
    'six==1.16.0',
  ]);
  expect(result.record?.environments[0]).toMatchObject({ manager: 'poetry', lock: { path: 'poetry.lock' } });
});

describe('how versions are chosen without a lock', () => {
  test('constraints, from several files', async () => {
    await write({
      'requirements.txt': 'six\niniconfig\n',
      'a.txt': 'six<1.16\n',
      'b.txt': 'iniconfig==2.0.0\n',
    });
    const result = await setUp({ inputs: { constraints: 'a.txt\nb.txt' } });
    expect(await installed(result)).toEqual(['iniconfig==2.0.0', 'six==1.15.0']);
  });

  test('the lowest versions, for requirements and for a project', async () => {
    await write({ 'requirements.txt': 'six>=1.15\n' });
    expect(await installed(await setUp({ inputs: { resolution: 'lowest' } }))).toEqual(['six==1.15.0']);
    await write({ 'pyproject.toml': project.replace('six==1.16.0', 'six>=1.15') });
    const inputs = {
      'dependency-files': 'pyproject.toml',
      resolution: 'lowest-direct',
      'exclude-groups': 'dev',
    };
    expect(await installed(await setUp({ inputs }))).toContain('six==1.15.0');
  });

  test('pre-releases', async () => {
    await write({ 'requirements.txt': 'idna<3.8\n' });
    expect(await installed(await setUp({ inputs: { prerelease: 'disallow' } }))).toEqual(['idna==3.7']);
    await write({ 'requirements.txt': 'six==1.16.0\nblack==18.9b0\n' });
    const error = errorOf(await setUp({ inputs: { prerelease: 'disallow' } }));
    expect(error).toMatchObject({ file: 'requirements.txt', line: 2 });
    expect(error?.message).toMatch(/^this requirement cannot be met:\nrequirements\.txt:2: black==18\.9b0/);
  });

  test('a lock says so itself: the inputs are refused instead of passed over', async () => {
    await write({ 'requirements.in': 'six==1.16.0\n', 'c.txt': 'six<1.16\n' });
    await locked();
    const constraints = errorOf(await setUp({ inputs: { constraints: 'c.txt' } }));
    expect(constraints?.message).toMatch(
      /^input constraints: '.*c\.txt' has no meaning here: requirements\.txt fixes every version\nApply it where the lock is written/,
    );
    const lowest = errorOf(await setUp({ inputs: { resolution: 'lowest' } }));
    expect(lowest?.message).toContain("input resolution: 'lowest' has no meaning here");
    const missing = errorOf(await setUp({ inputs: { constraints: 'gone.txt' } }));
    expect(missing?.message).toContain("input constraints: 'gone.txt' does not exist");
  });
});

test('pip is in the environment when later steps want it', async () => {
  await write({ 'requirements.in': 'six==1.16.0\n' });
  await locked();
  expect(await installed(await setUp({ inputs: { 'pip-version': '25.3' } }))).toEqual([
    'pip==25.3',
    'six==1.16.0',
  ]);
});

test('what is not to be activated leaves later steps as they were', async () => {
  await write({ 'requirements.txt': 'six==1.16.0\n' });
  const result = await setUp({ inputs: { activate: false } });
  expect(await installed(result)).toEqual(['six==1.16.0']);
  expect(result.env.VIRTUAL_ENV).toBeUndefined();
  expect(result.path.some((folder) => folder.startsWith(join(workspace, '.venv')))).toBe(false);
});
