import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
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

describe('requirements with hashes', () => {
  test('are installed exactly; a second run changes nothing', async () => {
    await write({ 'requirements.in': 'six==1.16.0\nidna\n' });
    await locked();
    const first = await setUp({ inputs: { 'working-directory': '.' } });
    expect(await installed(first)).toEqual([expect.stringMatching(/^idna==/), 'six==1.16.0']);
    expect(first.outputs).toMatchObject({ venv: join(workspace, '.venv'), 'cache-hit': 'false' });
    expect(first.env).toMatchObject({ VIRTUAL_ENV: join(workspace, '.venv') });
    expect(first.path.at(-1)).toBe(dirname(first.outputs['python-path'] ?? ''));
    expect(first.annotations).toEqual([]);
    const [environment] = first.record?.environments ?? [];
    expect(environment).toMatchObject({
      manager: 'pip',
      lock: { path: 'requirements.txt' },
      cacheHit: false,
    });

    const before = await stat(join(workspace, '.venv/pyvenv.cfg'));
    const second = await setUp();
    expect(await installed(second)).toHaveLength(2);
    expect((await stat(join(workspace, '.venv/pyvenv.cfg'))).mtimeMs).toBe(before.mtimeMs);
    expect(second.stdout).toMatch(/(Checked|Audited) 2 packages/);
    expect(second.record?.environments[0]?.digest).toBe(environment?.digest);
    expect(second.summary).toContain('environment reused');
  });

  test('what is not in them is taken out again', async () => {
    await write({ 'requirements.in': 'six==1.16.0\n' });
    await locked();
    const first = await setUp();
    await runUv('pip', 'install', '--python', first.outputs['python-path'] ?? '', 'iniconfig');
    expect(await installed(await setUp())).toEqual(['six==1.16.0']);
  });

  test('a wrong hash is explained at its line', async () => {
    await write({ 'requirements.txt': `# ours\nsix==1.16.0 \\\n    --hash=sha256:${'0'.repeat(64)}\n` });
    const error = errorOf(await setUp({ env: { UV_CACHE_DIR: join(workspace, 'cache') } }));
    expect(error).toMatchObject({ file: 'requirements.txt', line: 2 });
    expect(error?.message).toMatch(/Hash mismatch for `six==1\.16\.0`/);
    expect(error?.message).toContain('another file than the one that was locked');
  });

  test('an environment of which the interpreter is gone is replaced', async () => {
    await write({ 'requirements.in': 'six==1.16.0\n' });
    await locked();
    const first = await setUp();
    const python = first.outputs['python-path'] ?? '';
    await rm(python);
    const second = await setUp();
    expect(second.stdout).toContain('is broken or of another Python and is replaced');
    expect(await installed(second)).toEqual(['six==1.16.0']);
  });

  test('a folder that is no environment is left alone', async () => {
    await write({ 'requirements.txt': '', 'data/precious.csv': '1' });
    const error = errorOf(await setUp({ inputs: { venv: 'data' } }));
    expect(error?.message).toContain('is not a virtual environment');
    expect(await readdir(join(workspace, 'data'))).toEqual(['precious.csv']);
  });
});

describe('requirements without hashes', () => {
  test('several files; the record says by what was installed', async () => {
    await write({
      'requirements.txt': 'six==1.16.0\n',
      'requirements-dev.txt': '-r requirements.txt\niniconfig==2.1.0\n',
    });
    const result = await setUp({ inputs: { groups: 'dev' } });
    expect(await installed(result)).toEqual(['iniconfig==2.1.0', 'six==1.16.0']);
    expect(result.annotations).toMatchObject([
      { level: 'notice', title: 'Not locked', file: 'requirements.txt', line: 1 },
    ]);
    expect(result.record?.environments[0]?.lock).toBeNull();
  });

  test.each([
    [
      'six==1.16.0\nsix==1.15.0\n',
      1,
      /^these requirements cannot be met together:\nrequirements\.txt:1: six==1\.16\.0\nrequirements\.txt:2: six==1\.15\.0\nBecause/,
    ],
    ['six\nno-such-package-at-all-7f3a==1\n', 2, /not found[\s\S]*Check the spelling/],
    ['six\n==1\n', 2, /Mend this line/],
  ])('%j is an error at line %i', async (text, line, message) => {
    await write({ 'requirements.txt': text });
    const error = errorOf(await setUp());
    expect(error).toMatchObject({ file: 'requirements.txt', line });
    expect(error?.message).toMatch(message);
  });
});

describe('uv.lock', () => {
  test('with the default group, extras, and other groups', async () => {
    await write({ 'pyproject.toml': project, 'requirements.txt': 'idna\n' });
    await runUv('lock');
    const plain = await setUp();
    expect(await installed(plain)).toEqual(['iniconfig==2.1.0', 'six==1.16.0']);
    expect(plain.annotations).toMatchObject([
      { level: 'notice', message: expect.stringContaining('not used: requirements.txt') },
    ]);
    const other = await setUp({
      inputs: { extras: 'names', groups: 'docs', 'exclude-groups': 'dev', venv: '.other' },
    });
    expect(await installed(other)).toEqual([
      'docopt-ng==0.9.0',
      expect.stringMatching(/^idna==/),
      'six==1.16.0',
    ]);
    expect(other.record?.environments[0]).toMatchObject({ manager: 'uv', lock: { path: 'uv.lock' } });
    expect(other.record?.environments[0]?.digest).not.toBe(plain.record?.environments[0]?.digest);
  });

  test('the Python of the input is taken although .python-version has another', async () => {
    await write({ 'pyproject.toml': project });
    await runUv('lock');
    const { outputs } = await setUp({ inputs: { install: false } });
    await write({ '.python-version': '3.99\n' });
    const result = await setUp({ inputs: { 'python-version': outputs['python-version'] ?? '' } });
    expect(await installed(result)).toContain('six==1.16.0');
    expect(result.outputs['python-version']).toBe(outputs['python-version']);
  });

  test('that pyproject.toml has left behind is an error', async () => {
    await write({ 'pyproject.toml': project });
    await runUv('lock');
    await write({ 'pyproject.toml': project.replace('six==1.16.0', 'six==1.15.0') });
    expect(errorOf(await setUp())?.message).toMatch(/needs to be updated[\s\S]*uv lock/);
  });
});

test('pylock.toml', async () => {
  await write({ 'pyproject.toml': project });
  await runUv('export', '--quiet', '--format', 'pylock.toml', '-o', 'pylock.toml', '--no-dev');
  await rm(join(workspace, 'uv.lock'));
  const result = await setUp();
  expect(await installed(result)).toEqual(['six==1.16.0']);
  expect(result.record?.environments[0]).toMatchObject({ manager: 'pylock', lock: { path: 'pylock.toml' } });
});

test('poetry.lock, as Poetry writes it', async () => {
  const poetry = `${project}
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
[tool.poetry.group.docs]
optional = true
[[tool.poetry.source]]
name = "index"
url = "${await index()}"
priority = "primary"
`;
  await write({ 'pyproject.toml': poetry, 'demo/__init__.py': '' });
  await runUv('tool', 'run', 'poetry@2.5.1', 'lock', '--quiet');
  const own = expect.stringMatching(/^-e file:/);
  expect(await installed(await setUp())).toEqual([own, 'iniconfig==2.1.0', 'six==1.16.0']);
  const result = await setUp({ inputs: { extras: 'names', groups: 'docs', 'exclude-groups': 'dev' } });
  expect(await installed(result)).toEqual([
    own,
    'docopt-ng==0.9.0',
    expect.stringMatching(/^idna==/),
    'six==1.16.0',
  ]);
  expect(result.record?.environments[0]).toMatchObject({ manager: 'poetry', lock: { path: 'poetry.lock' } });
});

test('Pipfile.lock, as Pipenv writes it', async () => {
  await write({
    Pipfile:
      '[packages]\nsix = "==1.16.0"\ncolorama = {version="*", markers="sys_platform == \'never\'"}\n[dev-packages]\niniconfig = "==2.1.0"\n',
  });
  await runUv('tool', 'run', 'pipenv@2026.10.3', 'lock', '--quiet');
  expect(await installed(await setUp())).toEqual(['six==1.16.0']);
  const result = await setUp({ inputs: { groups: 'dev' } });
  expect(await installed(result)).toEqual(['iniconfig==2.1.0', 'six==1.16.0']);
  expect(result.record?.environments[0]).toMatchObject({ manager: 'pipenv', lock: { path: 'Pipfile.lock' } });
});

test('pyproject.toml without a lock is installed, with a notice', async () => {
  await write({ 'pyproject.toml': project });
  const result = await setUp({ inputs: { extras: 'names' } });
  expect(await installed(result)).toEqual([
    expect.stringMatching(/^idna==/),
    'iniconfig==2.1.0',
    'six==1.16.0',
  ]);
  expect(result.annotations).toMatchObject([
    { level: 'notice', title: 'Not locked', file: 'pyproject.toml' },
  ]);
  expect(result.record?.environments[0]?.lock).toBeNull();
});
