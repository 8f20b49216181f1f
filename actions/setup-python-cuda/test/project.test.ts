import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findProject } from '../src/project.ts';

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'project-')));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function files(...names: string[]) {
  for (const name of names) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), '');
  }
}

const find = (named: string[] = [], groups: string[] = []) => findProject(folder, named, groups, folder);

describe('which file is installed from', () => {
  const precedence = [
    'uv.lock',
    'pylock.toml',
    'poetry.lock',
    'Pipfile.lock',
    'pixi.lock',
    'conda-lock.yml',
    'requirements.txt',
  ];
  const managers = ['uv', 'pylock', 'poetry', 'pipenv', 'pixi', 'conda', 'pip'];
  test.each(precedence.map((name, rank) => ({ name, rank })))(
    '$name comes before all that rank below it',
    async ({ name, rank }) => {
      await files(...precedence.slice(rank), 'pyproject.toml');
      const project = await find();
      expect(project.manager).toBe(managers[rank]);
      expect(project.files).toEqual([join(folder, name)]);
      expect(project.ignored).toEqual(precedence.slice(rank + 1));
    },
  );

  test('pyproject.toml stands alone only', async () => {
    await files('pyproject.toml');
    expect(await find()).toMatchObject({ manager: 'pyproject', ignored: [] });
  });

  test('a named file wins over every lock', async () => {
    await files('uv.lock', 'requirements-prod.txt');
    expect(await find(['requirements-prod.txt'])).toMatchObject({
      manager: 'pip',
      files: [join(folder, 'requirements-prod.txt')],
    });
  });

  test('the lock of a uv workspace serves its members', async () => {
    await files('uv.lock', 'members/a/pyproject.toml');
    await writeFile(join(folder, 'pyproject.toml'), '[tool.uv.workspace]\nmembers = ["members/*"]\n');
    const project = await findProject(join(folder, 'members/a'), [], [], folder);
    expect(project).toMatchObject({ manager: 'uv', files: [join(folder, 'uv.lock')] });
  });

  test('a lock above that is no workspace of it does not', async () => {
    await files('uv.lock', 'pyproject.toml', 'other/pyproject.toml');
    expect(await findProject(join(folder, 'other'), [], [], folder)).toMatchObject({ manager: 'pyproject' });
  });
});

describe('environments of conda, pixi and MLflow', () => {
  test.each([
    ['environment.yml', 'conda'],
    ['conda.yaml', 'conda'],
    ['pixi.toml', 'pixi'],
    ['python_env.yaml', 'python-env'],
  ])('%s alone is of %s', async (name, manager) => {
    await files(name);
    expect(await find()).toEqual({ manager, files: [join(folder, name)], ignored: [] });
  });
  test('requirements come before them, and a notice names what is not used', async () => {
    await files('requirements.txt', 'environment.yml');
    expect(await find()).toMatchObject({ manager: 'pip', ignored: ['environment.yml'] });
  });
  test('pyproject.toml is the manifest of pixi where it says so', async () => {
    await writeFile(join(folder, 'pyproject.toml'), '[project]\n[tool.pixi.workspace]\nchannels = []\n');
    expect(await find()).toMatchObject({ manager: 'pixi' });
    expect(await find(['pyproject.toml'])).toMatchObject({ manager: 'pixi' });
  });
  test('what MLproject names comes before what is loose, and after locks', async () => {
    await files('requirements.txt', 'env/python.yaml');
    await writeFile(join(folder, 'MLproject'), 'name: x\npython_env: env/python.yaml\n');
    expect(await find()).toEqual({
      manager: 'python-env',
      files: [join(folder, 'env/python.yaml')],
      ignored: ['requirements.txt'],
    });
    await files('uv.lock');
    expect(await find()).toMatchObject({ manager: 'uv' });
  });
  test.each([
    ['name: x\nconda_env: gone.yaml\n', 2, "conda_env: 'gone.yaml' does not exist beside MLproject"],
    ['name: [\n', 2, 'not valid YAML'],
  ])('MLproject %j is wrong at line %i', async (text, line, message) => {
    await writeFile(join(folder, 'MLproject'), text);
    await expect(find()).rejects.toMatchObject({
      message: expect.stringContaining(message),
      place: { file: 'MLproject', line },
    });
  });
  test.each([
    ['spec.txt', '@EXPLICIT\nhttps://c/noarch/a-1-0.conda\n', 'conda'],
    ['gpu.yml', 'channels: [x]\ndependencies: [python]\n', 'conda'],
    ['env.yaml', 'python: "3.12"\ndependencies: [six]\n', 'python-env'],
    ['deps.txt', 'six\n', 'pip'],
  ])('%s that is named is known by its contents', async (name, text, manager) => {
    await writeFile(join(folder, name), text);
    expect((await find([name])).manager).toBe(manager);
  });
});

describe('requirements files', () => {
  const chosen = async (groups: string[] = []) =>
    (await find([], groups)).files.map((file) => basename(file));

  test('requirements.txt alone, without those of groups', async () => {
    await files('requirements.txt', 'requirements-dev.txt');
    expect(await chosen()).toEqual(['requirements.txt']);
  });
  test.each(['requirements-dev.txt', 'dev-requirements.txt', 'requirements/dev.txt'])(
    'the group dev is %s',
    async (name) => {
      await files('requirements.txt', name);
      expect(await chosen(['dev'])).toEqual(['requirements.txt', basename(name)]);
    },
  );
  test('requirements/base.txt is the main one of a folder', async () => {
    await files('requirements/base.txt', 'requirements/dev.txt');
    expect(await chosen(['dev'])).toEqual(['base.txt', 'dev.txt']);
  });
  test('the only one is the one', async () => {
    await files('requirements-ml.txt');
    expect(await chosen()).toEqual(['requirements-ml.txt']);
  });
  test('several without a main one are an error that names them', async () => {
    await files('requirements-a.txt', 'requirements-b.txt');
    await expect(find()).rejects.toThrow('requirements-a.txt, requirements-b.txt');
  });
  test('a group without a file is an error', async () => {
    await files('requirements.txt');
    await expect(find([], ['gpu'])).rejects.toThrow("no requirements file for 'gpu'");
  });
});

describe('what cannot be installed from', () => {
  test('nothing: says what was looked for and where', async () => {
    await mkdir(join(folder, 'ml'));
    const error = await findProject(join(folder, 'ml'), [], [], folder).catch((error) => error);
    expect(error.message).toBe('found nothing to install from in ml');
    expect(error.advice).toMatch(
      /uv\.lock, pylock\.toml, poetry\.lock, Pipfile\.lock, pixi\.lock, conda-lock\.yml, MLproject/,
    );
  });
  test('pdm.lock: what to do', async () => {
    await files('pdm.lock', 'pyproject.toml');
    for (const named of [[], ['pdm.lock']])
      await expect(find(named)).rejects.toMatchObject({
        message: expect.stringMatching(/^pdm\.lock is PDM's own format/),
        advice: "Export it with 'pdm export -f pylock -o pylock.toml' and commit pylock.toml.",
        place: { file: 'pdm.lock', line: 1 },
      });
  });
  test('a Pipfile without its lock', async () => {
    await files('Pipfile', 'pyproject.toml');
    await expect(find()).rejects.toThrow('Pipfile has no Pipfile.lock');
  });
  test.each([
    [['nowhere.txt'], "'nowhere.txt' is no file"],
    [['notes.md'], "'notes.md' is no kind of file"],
    [['uv.lock', 'requirements.txt'], 'cannot be installed together'],
    [['environment.yml', 'requirements.txt'], 'cannot be installed together'],
  ])('dependency-files %j', async (named, message) => {
    await files('uv.lock', 'requirements.txt', 'notes.md', 'environment.yml');
    await expect(find(named)).rejects.toThrow(message);
  });
});
