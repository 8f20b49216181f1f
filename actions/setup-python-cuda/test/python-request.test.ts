import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Manager, Project } from '../src/project.ts';
import { pythonRequest, uvRequest, withPrereleases } from '../src/python-request.ts';

describe('spelling', () => {
  test.each([
    ['3.12', '3.12'],
    ['3.12.4', '3.12.4'],
    ['3', '3'],
    ['3.x', '3'],
    ['3.12.x', '3.12'],
    ['3.13t', '3.13t'],
    ['3.15.0a2', '3.15.0a2'],
    ['3.15.0-alpha.2', '3.15.0a2'],
    ['3.15.0-beta.1', '3.15.0b1'],
    ['3.15.0-rc.3', '3.15.0rc3'],
    ['3.15-dev', '>=3.15.0a0,<3.16.0a0'],
    ['>=3.10', '>=3.10'],
    ['>= 3.10, <3.13', '>= 3.10,<3.13'],
    ['~=3.11', '~=3.11'],
    ['==3.12.*', '==3.12.*'],
    ['^3.10', '>=3.10,<4'],
    ['~3.11', '>=3.11,<3.12'],
    ['~3', '>=3,<4'],
    ['pypy3.10', 'pypy3.10'],
    ['pypy@3.10', 'pypy@3.10'],
    ['cpython@3.12', 'cpython@3.12'],
    ['pypy', 'pypy'],
    ['cpython-3.12.4-linux-x86_64-gnu', 'cpython-3.12.4-linux-x86_64-gnu'],
    ['/opt/python/bin/python3', '/opt/python/bin/python3'],
  ])('%s is %s', (written, request) => expect(uvRequest(written)).toBe(request));

  test.each([
    'latest',
    'my-env',
    'three',
    '3.12 or so',
    '>=',
    '3..1',
    'python3.12; rm -rf /',
    '-h',
    '--help',
  ])('%s is none', (written) => expect(uvRequest(written)).toBeUndefined());

  test('any three numbers are a version, and nothing is read as an option', () => {
    fc.assert(
      fc.property(
        fc.nat(99),
        fc.nat(99),
        fc.nat(99),
        (a, b, c) => uvRequest(`${a}.${b}.${c}`) === `${a}.${b}.${c}`,
      ),
    );
    fc.assert(fc.property(fc.string(), (text) => !uvRequest(text)?.startsWith('-')));
  });
});

describe('pre-releases of Python', () => {
  test.each([
    ['3.16', '>=3.16.0a0,<3.17.0a0'],
    ['3', '>=3.0.0a0,<4.0.0a0'],
    ['>=3.12', '>=3.12a0'],
    ['>=3.10,<3.13', '>=3.10a0,<3.13'],
    ['==3.12.4', '==3.12.4'],
    ['3.12.4', '3.12.4'],
    ['pypy3.10', 'pypy3.10'],
  ])('%s becomes %s where they count', (request, wider) => {
    expect(withPrereleases(request)).toBe(wider);
    expect(uvRequest(wider)).toBe(wider);
  });
});

describe('who asks', () => {
  let root: string;
  let folder: string;
  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'request-')));
    folder = join(root, 'ml');
    await mkdir(folder);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const none = {
    pythonVersion: undefined,
    pythonVersionFile: undefined,
    allowPythonPrereleases: false,
    checkLatest: false,
  };
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  const lock = (manager: Manager, name: string): Project => ({
    manager,
    files: [join(folder, name)],
    ignored: [],
  });

  test('input, then file, .python-version, pyproject.toml, lock, default', async () => {
    const project = lock('uv', 'uv.lock');
    const ask = (inputs = none) => pythonRequest(inputs as typeof none, folder, project, root);
    expect(await ask()).toMatchObject({ request: '>=3.10' });
    await write('uv.lock', 'version = 1\nrequires-python = ">=3.11"\n');
    expect(await ask()).toEqual({ request: '>=3.11', from: 'ml/uv.lock', file: 'ml/uv.lock', line: 2 });
    await write('pyproject.toml', '[project]\nname = "a"\nrequires-python = ">=3.12"\n');
    expect(await ask()).toMatchObject({ request: '>=3.12', file: 'ml/pyproject.toml', line: 3 });
    await writeFile(join(root, '.python-version'), '# ours\n3.9\n');
    expect(await ask()).toMatchObject({ request: '3.9', file: '.python-version', line: 2 });
    await write('.python-version', '3.13\n');
    expect(await ask()).toMatchObject({ request: '3.13', file: 'ml/.python-version', line: 1 });
    await write('.tool-versions', 'nodejs 24\npython 3.12.1\n');
    const fromFile = { ...none, pythonVersionFile: '.tool-versions' } as unknown as typeof none;
    expect(await ask(fromFile)).toMatchObject({ request: '3.12.1', line: 2 });
    const input = { ...none, pythonVersion: '3.14' } as unknown as typeof none;
    expect(await ask(input)).toEqual({ request: '3.14', from: 'the input python-version' });
  });

  test.each<[Manager, string, string, string]>([
    [
      'poetry',
      'poetry.lock',
      '[[package]]\nname = "a"\npython-versions = ">=2"\n[metadata]\npython-versions = "^3.10"\n',
      '>=3.10,<4',
    ],
    ['pipenv', 'Pipfile.lock', '{"_meta": {"requires": {"python_version": "3.11"}}}', '3.11'],
    ['python-env', 'python_env.yaml', 'name: x\npython: 3.10  # not 3.1\ndependencies: [six]\n', '3.10'],
    ['pylock', 'pylock.toml', 'lock-version = "1.0"\nrequires-python = ">=3.10"\n', '>=3.10'],
  ])('%s: its lock asks', async (manager, name, text, request) => {
    await write(name, text);
    expect(await pythonRequest(none, folder, lock(manager, name), root)).toMatchObject({
      request,
      file: `ml/${name}`,
    });
  });

  test('python_env.yaml comes before .python-version, and without a version of its own leaves it that', async () => {
    await write('.python-version', '3.12\n');
    await write('python_env.yaml', 'python: "3.11"\ndependencies: [six]\n');
    const ask = () => pythonRequest(none, folder, lock('python-env', 'python_env.yaml'), root);
    expect(await ask()).toMatchObject({ request: '3.11', line: 1 });
    await write('python_env.yaml', 'dependencies: [six]\n');
    expect(await ask()).toMatchObject({ request: '3.12' });
  });

  test('pre-releases and the newest one are asked for', async () => {
    await write('.python-version', '3.16\n');
    const inputs = { ...none, allowPythonPrereleases: true, checkLatest: true };
    expect(await pythonRequest(inputs, folder, undefined, root)).toMatchObject({
      request: '>=3.16.0a0,<3.17.0a0',
      latest: true,
    });
  });

  test("Poetry's own table in pyproject.toml asks", async () => {
    await write('pyproject.toml', '[tool.poetry.dependencies]\npython = "~3.11"\n');
    expect(await pythonRequest(none, folder, undefined, root)).toMatchObject({
      request: '>=3.11,<3.12',
      line: 2,
    });
  });

  test('what is no version is an error at its line', async () => {
    await write('.python-version', '\nmyenv\n');
    const error = await pythonRequest(none, folder, undefined, root).catch((error) => error);
    expect(error.message).toBe("'myenv' is not a version of Python (from ml/.python-version)");
    expect(error.place).toMatchObject({ file: 'ml/.python-version', line: 2 });
  });

  test('broken TOML is an error at its line', async () => {
    await write('pyproject.toml', '[project]\nname = \n');
    const error = await pythonRequest(none, folder, undefined, root).catch((error) => error);
    expect(error.message).toMatch(/^not valid TOML/);
    expect(error.place).toMatchObject({ file: 'ml/pyproject.toml', line: 2 });
  });
});
