import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { waitFor } from '@mlops/core';
import { describe, expect, test } from 'vitest';
import {
  errorOf,
  finishJob,
  installed,
  locked,
  setUp,
  windows,
  workspace,
  write,
} from './setup-python-cuda/workbench.ts';

/** A package that says when it is being built, and is built once it may. */
const slow = (go: string) => `import pathlib, time
from setuptools import setup
pathlib.Path("building").touch()
while not pathlib.Path(${JSON.stringify(go)}).exists():
    time.sleep(0.05)
setup(name="slow", version="1.0")
`;

describe('what an interrupted job leaves', () => {
  test.skipIf(windows)('an environment that is not whole is made anew, and nothing is saved', async () => {
    const go = join(workspace, 'go');
    await write({ 'requirements.txt': './slow\n', 'slow/setup.py': slow(go) });
    const killed = new AbortController();
    const main = setUp({ signal: killed.signal, interruptWith: 'SIGKILL' });
    const building = async () => existsSync(join(workspace, 'slow/building')) || undefined;
    await waitFor(building, { what: 'the build', deadlineMs: 60_000 });
    killed.abort();
    const post = await finishJob(await main, {});
    expect(post.exitCode).toBe(0);
    expect(post.stdout).not.toContain('Saved');

    await writeFile(go, '');
    const again = await setUp();
    expect(await installed(again)).toEqual([expect.stringMatching(/^slow @ file:/)]);
    expect(again.stdout).toContain('.venv was not finished by an earlier run and is replaced.');
    expect((await setUp()).summary).toContain('environment reused');
  });

  test('a post step after a main step that failed has nothing to do', async () => {
    await write({ 'requirements.txt': 'six==1.16.0\nidna<0\n' });
    const main = await setUp();
    expect(main.exitCode).toBe(1);
    const post = await finishJob(main, {});
    expect(post).toMatchObject({ exitCode: 0, annotations: [] });
  });
});

test('jobs at once install uv into one tool cache, and neither takes it from the other', async () => {
  const env = { RUNNER_TOOL_CACHE: join(workspace, 'tools') };
  const jobs = await Promise.all(
    ['a', 'b', 'c'].map(async (name) => {
      await mkdir(join(workspace, name));
      await writeFile(join(workspace, name, 'requirements.txt'), 'six==1.16.0\n');
      return setUp({ workspace: join(workspace, name), env });
    }),
  );
  for (const job of jobs) expect(await installed(job)).toEqual(['six==1.16.0']);
});

describe('a project in unusual files and folders', () => {
  test('spaces and letters of all kinds in paths', async () => {
    const folder = 'mein Projekt ü/ソース';
    await write({
      [`${folder}/requirements.txt`]: 'six==1.16.0\n-e ./lib b\n',
      [`${folder}/lib b/pyproject.toml`]: '[project]\nname = "libb"\nversion = "1"\n',
    });
    const result = await setUp({ inputs: { 'working-directory': folder, venv: 'env ä' } });
    const packages = await installed(result);
    expect(packages).toContain('six==1.16.0');
    expect(packages.some((each) => each.startsWith('-e ') && each.includes('lib%20b'))).toBe(true);
    expect(result.env.VIRTUAL_ENV).toBe(join(workspace, folder, 'env ä'));
  });

  test('requirements of Windows that include each other', async () => {
    await write({
      'requirements.txt': '\ufeff-r base.txt\r\nsix==1.16.0\r\n',
      'base.txt': 'idna==3.7\r\n-r requirements.txt\r\n',
    });
    const result = await setUp();
    expect(await installed(result)).toEqual(['idna==3.7', 'six==1.16.0']);
    expect(result.annotations).toMatchObject([{ level: 'notice', file: 'base.txt', line: 1 }]);
  });

  test('hashed requirements in UTF-16, as PowerShell redirects them', async () => {
    await write({ 'requirements.in': 'six==1.16.0\n' });
    await locked();
    const path = join(workspace, 'requirements.txt');
    await writeFile(path, Buffer.from(`\ufeff${await readFile(path, 'utf8')}`, 'utf16le'));
    const result = await setUp();
    expect(await installed(result)).toEqual(['six==1.16.0']);
    expect(result.annotations).toEqual([]);
  });

  test('a folder that is called like a file is none', async () => {
    await write({ 'requirements.txt/readme.md': '', 'requirements-gpu.txt': 'six==1.16.0\n' });
    expect(await installed(await setUp())).toEqual(['six==1.16.0']);
    const named = errorOf(await setUp({ inputs: { 'dependency-files': 'requirements.txt' } }));
    expect(named?.message).toContain("input dependency-files: 'requirements.txt' is no file in");
  });

  test('a file where the environment is to be', async () => {
    await write({
      'requirements.txt': 'six==1.16.0\n',
      'environment.yml': 'dependencies: [python]\n',
      env: '',
    });
    const venv = errorOf(await setUp({ inputs: { venv: 'env' } }));
    expect(venv?.message).toMatch(
      /^input venv: '.*env' exists and is not a virtual environment\nName another/,
    );
    const inputs = { venv: 'env', 'dependency-files': 'environment.yml' };
    const conda = errorOf(await setUp({ inputs }));
    expect(conda?.message).toMatch(/^input venv: '.*env' exists and is no environment\nName another/);
  });
});

describe('a lock that is not right', () => {
  test('marks of a merge', async () => {
    await write({
      'pyproject.toml': '[project]\nname = "demo"\nversion = "0.1.0"\nrequires-python = ">=3.10"\n',
      'uv.lock': 'version = 1\nrequires-python = ">=3.10"\n<<<<<<< HEAD\n',
    });
    const error = errorOf(await setUp());
    expect(error).toMatchObject({ file: 'uv.lock', line: 3 });
    expect(error?.message).toMatch(/Failed to parse `uv\.lock`[\s\S]*marks of a merge \(<<<<<<<\)/);
  });

  test.each(['poetry.lock', 'pyproject.toml'])('no TOML in %s', async (name) => {
    await write({
      'pyproject.toml': '[tool.poetry]\nname = "demo"\n',
      'poetry.lock': '',
      [name]: '\n<<<<<<< HEAD\n',
    });
    const error = errorOf(await setUp({ inputs: { 'python-version': '>=3.10' } }));
    expect(error).toMatchObject({ file: name, line: 2 });
    expect(error?.message).toBe('not valid TOML: marks of a merge (<<<<<<<) are left in it');
  });

  test('that of another project, also behind a mirror', async () => {
    await write({
      'pyproject.toml': '[project]\nname = "demo"\nversion = "0.1.0"\nrequires-python = ">=3.10"\n',
      'uv.lock':
        'version = 1\nrevision = 3\nrequires-python = ">=3.10"\n\n[[package]]\nname = "other"\nversion = "1"\nsource = { virtual = "." }\n',
    });
    for (const env of [{}, { UV_DEFAULT_INDEX: 'http://127.0.0.1:9/simple' }]) {
      const error = errorOf(await setUp({ env }));
      expect(error).toMatchObject({ file: 'uv.lock', line: 1 });
      expect(error?.message).toMatch(/needs to be updated[\s\S]*run 'uv lock' and commit uv\.lock/);
    }
  });
});

test("a folder that uv's cache cannot be in is not taken for a missing Python", async () => {
  await write({ 'requirements.txt': 'six==1.16.0\n', file: '' });
  const error = errorOf(await setUp({ env: { UV_CACHE_DIR: join(workspace, 'file/cache') } }));
  expect(error?.message).toMatch(
    /^Failed to initialize cache at `.*file.cache`[\s\S]*\n.*'cache-local-path'/,
  );
});

test('tokens in addresses of requirements are not repeated', async () => {
  await write({
    'requirements.txt':
      'six==1.16.0\nsix @ https://bot:s3cret-t0ken@127.0.0.1:9/six-1.17.0-py2.py3-none-any.whl\n',
  });
  const result = await setUp({ env: { UV_HTTP_RETRIES: '0' } });
  expect(errorOf(result)?.message).toContain('***@127.0.0.1:9');
  expect(`${result.stdout}${result.stderr}${result.summary}`).not.toContain('s3cret');
});

test('a job that installs nothing shares mlops.yaml with one that does', async () => {
  await write({
    'mlops.yaml':
      'setup-python-cuda: { cuda: auto, cuda-packages: [nvcc], extras: [gpu], groups: [dev], constraints: [gone.txt], dependency-files: [gone.txt], conda-channels: [forge] }\n',
  });
  const result = await setUp({ inputs: { install: false } });
  expect(result).toMatchObject({ exitCode: 0, outputs: { 'torch-backend': expect.any(String) } });
  expect(result.annotations.filter(({ level }) => level === 'error')).toEqual([]);
});
