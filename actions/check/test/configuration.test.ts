import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hasTestFiles, readConfiguration } from '../src/configuration.ts';
import { notInstalled } from '../src/declared.ts';
import { Paths } from '../src/finding.ts';
import type { Project } from '../src/project.ts';

let workspace: string;
beforeEach(async () => {
  workspace = await realpath(await mkdtemp(join(tmpdir(), 'check-')));
});
afterEach(() => rm(workspace, { recursive: true, force: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(workspace, name)), { recursive: true });
    await writeFile(join(workspace, name), text);
  }
}

describe('configuration', () => {
  test.each([
    [{ 'pyproject.toml': '[tool.ruff]\n[tool.mypy]\n[tool.pyright]\n[tool.pytest.ini_options]\n' }, 4],
    [{ 'pyproject.toml': 'tool.basedpyright.strict = ["a"]\n' }, 1],
    [{ 'setup.cfg': '[metadata]\n[mypy]\n[tool:pytest]\n' }, 2],
    [{ 'tox.ini': '[tox]\n[pytest]\n' }, 1],
    [{ 'ruff.toml': '', '.mypy.ini': '', 'pyrightconfig.json': '{}', 'pytest.ini': '' }, 4],
    [{ 'setup.cfg': '[mypy-numpy.*]\n# [mypy]\n', 'pyproject.toml': '[project]\nname = "mypy"\n' }, 0],
  ])('%o configures %d tools', async (files, tools) => {
    await write(files as Record<string, string>);
    expect((await readConfiguration(workspace, workspace)).size).toBe(tools);
  });

  test('the nearest file counts, up to the workspace', async () => {
    await write({ 'pyproject.toml': '[tool.ruff]\n[tool.mypy]\n', 'a/b/mypy.ini': '', 'a/b/x.py': '' });
    const found = await readConfiguration(join(workspace, 'a/b'), workspace);
    expect([...found]).toEqual([
      ['mypy', 'a/b/mypy.ini'],
      ['ruff', 'pyproject.toml'],
    ]);
  });

  test('a pyproject.toml that cannot be read is shown at its line', async () => {
    await write({ 'a/pyproject.toml': '[tool.ruff]\nline-length = = 3\n' });
    await expect(readConfiguration(join(workspace, 'a'), workspace)).rejects.toMatchObject({
      message: expect.stringContaining('not valid TOML'),
      place: { file: 'a/pyproject.toml', line: 2 },
    });
  });
});

describe('test files', () => {
  test.each([
    ['tests/unit/test_a.py', true],
    ['pkg/a_test.py', true],
    ['test_top.py', true],
    ['tests/helpers.py', false],
    ['.hidden/test_a.py', false],
    ['node_modules/x/test_a.py', false],
  ])('%s: %s', async (file, expected) => {
    await write({ [file]: '' });
    expect(await hasTestFiles(workspace)).toBe(expected);
  });

  test('those of an environment are not the project’s', async () => {
    await write({ 'env/pyvenv.cfg': '', 'env/lib/test_a.py': '' });
    expect(await hasTestFiles(workspace)).toBe(false);
  });
});

describe('advice for a tool that is not installed', () => {
  test.each([
    [
      {
        'requirements.txt': 'numpy==2.4.0\n',
        'requirements-dev.txt': '# pytest\npytest[x]==9.2.0 ; python_version > "3"\n',
      },
      "It is installed from requirements-dev.txt when you set 'groups: dev' for setup-python-cuda.",
    ],
    [
      { 'requirements/base.txt': 'numpy\n', 'requirements/test.txt': 'pytest-cov\nPyTest\n' },
      "It is installed from requirements/test.txt when you set 'groups: test' for setup-python-cuda.",
    ],
    [
      { 'requirements.txt': 'pytest\n' },
      "requirements.txt names it: install that file, with 'dependency-files: requirements.txt' for setup-python-cuda.",
    ],
    [
      { 'requirements.txt': 'numpy\n', 'requirements-dev.txt': 'pytest-cov\n' },
      "Add it to requirements-dev.txt and lock again. It is installed from requirements-dev.txt when you set 'groups: dev' for setup-python-cuda.",
    ],
    [{ 'requirements.txt': 'numpy\n' }, 'Add it to requirements.txt and lock again.'],
    [
      {
        'pyproject.toml':
          '[dependency-groups]\nlint = ["ruff"]\ncheck = [{ include-group = "lint" }, "pytest>=8"]\n',
      },
      "It is in the group 'check' of [dependency-groups] in pyproject.toml: set 'groups: check' for setup-python-cuda.",
    ],
    [
      { 'pyproject.toml': '[project]\nname = "a"\n[project.optional-dependencies]\ntest = ["pytest"]\n' },
      "It is in the group 'test' of [project.optional-dependencies] in pyproject.toml: set 'extras: test' for setup-python-cuda.",
    ],
    [
      { 'pyproject.toml': '[tool.poetry.group.dev.dependencies]\npytest = "^9"\n' },
      "It is in the group 'dev' of [tool.poetry.group] in pyproject.toml: set 'groups: dev' for setup-python-cuda.",
    ],
    [
      { 'pyproject.toml': '[project]\nname = "a"\n' },
      "Add it to [dependency-groups] in pyproject.toml, as 'dev = [\"pytest\"]', and lock again; then set 'groups: dev' for setup-python-cuda.",
    ],
  ])('%o', async (files, advice) => {
    await write(files as Record<string, string>);
    const project = { folder: workspace, paths: new Paths(workspace, workspace) } as Project;
    const error = await notInstalled('pytest', 'there are test files', project);
    expect(error.message).toBe('there are test files, and pytest is not installed in the environment');
    expect(error.advice).toBe(advice);
  });
});
