import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { command } from '@mlops/core/process';
import { type ActionOptions, type ActionResult, runAction } from '@mlops/testkit/runner-files';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { installRelease } from '../../actions/setup-python-cuda/src/uv.ts';
import { targetTriple } from '../../actions/setup-python-cuda/src/uv-release.ts';
import { startService } from '../../packages/core/test/store-service.ts';

const action = fileURLToPath(new URL('../../actions/setup-python-cuda', import.meta.url));
const windows = process.platform === 'win32';
// uv is to be found by the action, not by luck.
const pathWithoutUv = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !existsSync(join(folder, windows ? 'uv.exe' : 'uv')))
  .join(delimiter);

let root: string;
let uv: string;
let shared: Record<string, string>;
let workspace: string;
const results: ActionResult[] = [];

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'setup-python-')));
  shared = {
    PATH: pathWithoutUv,
    RUNNER_TOOL_CACHE: join(root, 'tools'),
    UV_CACHE_DIR: join(root, 'uv-cache'),
  };
  await mkdir(join(root, 'first'));
  const first = await setUp({ workspace: join(root, 'first'), inputs: { install: false } });
  expect(first.annotations).toEqual([]);
  uv = first.outputs['uv-path'] ?? '';
});
afterAll(async () => {
  for (const { runner } of results) await runner.remove();
  await rm(root, { recursive: true, force: true, maxRetries: 3 });
});
beforeEach(async () => {
  workspace = await mkdtemp(join(root, 'workspace-'));
});
afterEach(() => vi.unstubAllEnvs());

async function setUp(options: ActionOptions = {}): Promise<ActionResult> {
  const result = await runAction(action, { workspace, ...options, env: { ...shared, ...options.env } });
  results.push(result);
  return result;
}

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(workspace, name)), { recursive: true });
    await writeFile(join(workspace, name), text);
  }
}

async function runUv(...args: string[]): Promise<string> {
  const result = await command(uv, args, {
    cwd: workspace,
    env: { ...shared, NO_COLOR: '1', VIRTUAL_ENV: undefined },
  });
  return result.stdout;
}

const locked = () =>
  runUv('pip', 'compile', '--generate-hashes', '--no-header', 'requirements.in', '-o', 'requirements.txt');

/** The address of the index that uv has on this machine, which may be a mirror. */
async function index(): Promise<string> {
  const folder = await mkdtemp(join(root, 'index-'));
  await writeFile(join(folder, 'pyproject.toml'), project);
  await runUv('lock', '--quiet', '--directory', folder);
  return /registry = "([^"]+)"/.exec(await readFile(join(folder, 'uv.lock'), 'utf8'))?.[1] ?? '';
}

/** The parts of uv's name for an interpreter: implementation, version, system, architecture, C library. */
async function keyOf(python: string): Promise<string[]> {
  const listed = await runUv('python', 'list', python, '--only-installed', '--output-format', 'json');
  return JSON.parse(listed)[0].key.split('-');
}

/** What is installed, as `name==version`. */
async function installed(result: ActionResult): Promise<string[]> {
  expect(result.annotations.filter(({ level }) => level === 'error')).toEqual([]);
  expect(result.exitCode).toBe(0);
  return (await runUv('pip', 'freeze', '--python', result.outputs['python-path'] ?? ''))
    .split('\n')
    .filter(Boolean);
}

function errorOf(result: ActionResult) {
  expect(result.exitCode).toBe(1);
  const errors = result.annotations.filter(({ level }) => level === 'error');
  expect(errors).toHaveLength(1);
  return errors[0];
}

const project = `[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["six==1.16.0"]
[project.optional-dependencies]
names = ["idna"]
[dependency-groups]
dev = ["iniconfig==2.1.0"]
docs = ["docopt-ng==0.9.0"]
`;

describe('uv and Python alone', () => {
  test('uv is installed once, both are on PATH for later steps', async () => {
    const result = await setUp({ inputs: { install: false } });
    expect(result.outputs).toMatchObject({ 'uv-path': uv, 'cache-hit': 'false' });
    expect(result.outputs['python-version']).toMatch(/^3\.\d+\.\d+/);
    expect(result.outputs.venv).toBeUndefined();
    expect(result.path).toEqual([dirname(uv), dirname(result.outputs['python-path'] ?? '')]);
    expect(result.record?.environments).toEqual([]);
  });

  test('uv on PATH is used as it is', async () => {
    const PATH = [dirname(uv), pathWithoutUv].join(delimiter);
    const result = await setUp({
      inputs: { install: false },
      env: { PATH, RUNNER_TOOL_CACHE: join(workspace, 'none') },
    });
    expect(result.outputs['uv-path']).toBe(uv);
    expect(result.path).not.toContain(dirname(uv));
  });

  test('a uv other than the published one is refused', async () => {
    const wheel = '/uv-0.13.9-py3-none-any.whl';
    const server = createServer((request, response) =>
      response
        .setHeader('content-type', request.url === wheel ? 'application/zip' : 'text/html')
        .end(request.url === wheel ? 'not uv' : `<a href="${wheel}">${wheel.slice(1)}</a>`),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const PIP_INDEX_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple`;
      const env = { RUNNER_TOOL_CACHE: join(workspace, 'tools'), PIP_INDEX_URL, PIP_NO_CACHE_DIR: '1' };
      const error = errorOf(await setUp({ inputs: { install: false }, env }));
      expect(error?.message).toMatch(/not the one that was published[\s\S]*Check the index or mirror/);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('a Python in the tool cache is preferred to installing one', async () => {
    const { outputs } = await setUp({ inputs: { install: false } });
    const python = outputs['python-path'] ?? '';
    const version = outputs['python-version'] ?? '';
    const tools = join(workspace, 'tools');
    const bin = join(tools, 'Python', version, process.arch, ...(windows ? [] : ['bin']));
    await mkdir(dirname(bin), { recursive: true });
    await symlink(dirname(await realpath(python)), bin, 'junction');
    await writeFile(join(tools, 'Python', version, `${process.arch}.complete`), '');
    // Nothing but uv is on PATH.
    const env = { PATH: dirname(uv), RUNNER_TOOL_CACHE: tools, PYENV_ROOT: join(workspace, 'none') };
    const result = await setUp({ inputs: { install: false, 'python-version': `==${version}` }, env });
    expect(result.annotations).toEqual([]);
    expect(result.outputs['python-path']).toMatch(/tools/);
  });

  test.skipIf(windows)('a Python that is not here is installed', async () => {
    // What uv downloads is an archive with an interpreter; here one that hands on to this machine's.
    const { outputs } = await setUp({ inputs: { install: false, 'python-version': '>=3.10' } });
    const version = outputs['python-version'] ?? '';
    const [major, minor, patch] = version.split('.').map(Number);
    const bin = join(workspace, 'python/bin');
    await mkdir(bin, { recursive: true });
    await write({
      [`python/lib/python${major}.${minor}/_sysconfigdata__any.py`]:
        '# system configuration generated and used by the sysconfig module\nbuild_time_vars = {}\n',
    });
    const program = join(bin, `python${major}.${minor}`);
    await writeFile(program, `#!/bin/sh\nexec '${outputs['python-path']}' "$@"\n`, { mode: 0o755 });
    await command('tar', ['-czf', 'python.tar.gz', 'python'], { cwd: workspace });
    const archive = join(workspace, 'python.tar.gz');
    const sha256 = createHash('sha256')
      .update(await readFile(archive))
      .digest('hex');
    const [, , os, family, libc] = await keyOf(outputs['python-path'] ?? '');
    const download = {
      name: 'cpython',
      arch: { family, variant: null },
      os,
      libc,
      major,
      minor,
      patch,
      prerelease: '',
      url: pathToFileURL(archive).href,
      sha256,
      variant: null,
      build: null,
    };
    await write({
      'downloads.json': JSON.stringify({ [`cpython-${version}-${os}-${family}-${libc}`]: download }),
    });
    const env = {
      PATH: [dirname(uv), '/usr/bin', '/bin'].join(delimiter),
      PYENV_ROOT: join(workspace, 'none'),
      RUNNER_TOOL_CACHE: join(workspace, 'none'),
      UV_PYTHON_INSTALL_DIR: join(workspace, 'pythons'),
      UV_PYTHON_DOWNLOADS_JSON_URL: pathToFileURL(join(workspace, 'downloads.json')).href,
      UV_MANAGED_PYTHON: '1',
    };
    const result = await setUp({ inputs: { install: false, 'python-version': version }, env });
    expect(result.annotations).toEqual([]);
    expect(result.stdout).toContain(`No Python here meets '${version}'`);
    expect(result.outputs['python-version']).toBe(version);
    expect(await readdir(join(workspace, 'pythons'))).toContain(`cpython-${version}-${os}-${family}-${libc}`);
  });

  test('a version that nobody has is an error that lists those found', async () => {
    await write({ '.python-version': '3.99\n' });
    const error = errorOf(await setUp({ inputs: { install: false } }));
    expect(error).toMatchObject({ file: '.python-version', line: 1 });
    expect(error?.message).toMatch(/^Python '3\.99' \(from \.python-version\) is not on this machine/);
    expect(error?.message).toMatch(/Found: .*cpython 3\.\d+/);
  });
});

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
    ['six==1.16.0\nsix==1.15.0\n', 1, /unsatisfiable[\s\S]*requirements\.txt:2: six==1\.15\.0/],
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

describe('the cache', () => {
  test('keeps what was built from source, and nothing else', async () => {
    const service = await startService();
    try {
      const job = (name: string) => ({ env: { ...service.env, UV_CACHE_DIR: join(workspace, name, 'uv') } });
      await write({
        // docopt has no wheel; six has one.
        'requirements.in': 'docopt==0.6.2\nsix==1.16.0\n',
        // A mirror may not say that its files never change, and uv would then fetch and build them again.
        'uv.toml': `[[index]]\nurl = "${await index()}"\ndefault = true\ncache-control = { files = "max-age=365000000, immutable" }\n`,
      });
      await locked();
      const first = await setUp(job('one'));
      expect(await installed(first)).toHaveLength(2);
      expect(first.outputs).toMatchObject({
        'cache-hit': 'false',
        'cache-key': expect.stringMatching(/^setup-python-cuda-/),
      });
      const saved = await runAction(action, {
        phase: 'post',
        after: first,
        env: { ...shared, ...job('one').env },
      });
      expect(saved.stdout).toMatch(/Saved \d+ bytes/);
      expect(saved.exitCode).toBe(0);

      await rm(join(workspace, '.venv'), { recursive: true });
      // A second job on another machine has its cache at the same place.
      await rm(join(workspace, 'one'), { recursive: true });
      const second = await setUp(job('one'));
      expect(second.outputs['cache-hit']).toBe('true');
      expect(await installed(second)).toHaveLength(2);
      expect(second.stdout).not.toContain('Building docopt');
      expect(second.state.cache).toBeUndefined();
      expect(second.record?.environments[0]).toMatchObject({ cacheHit: true });

      // Another lock starts from what there is, and leaves behind what it does not need.
      await write({ 'requirements.in': 'docopt==0.6.1\nsix==1.16.0\n' });
      await locked();
      await rm(join(workspace, 'one'), { recursive: true });
      const third = await setUp(job('one'));
      expect(third.outputs['cache-hit']).toBe('false');
      expect(third.stdout).toContain(`from ${first.outputs['cache-key']}`);
      await runAction(action, { phase: 'post', after: third, env: { ...shared, ...job('one').env } });
      const wheels = (await readdir(join(workspace, 'one'), { recursive: true })).filter((name) =>
        name.endsWith('.whl'),
      );
      expect(wheels).toEqual([expect.stringContaining('docopt-0.6.1')]);
    } finally {
      await service.close();
    }
  });

  test('saves nothing where nothing was built', async () => {
    const service = await startService();
    try {
      await write({ 'requirements.in': 'six==1.16.0\n' });
      await locked();
      const env = { ...service.env, UV_CACHE_DIR: join(workspace, 'uv') };
      const main = await setUp({ env });
      const post = await runAction(action, { phase: 'post', after: main, env: { ...shared, ...env } });
      expect(post.stdout).toContain('nothing to cache');
      expect(service.calls).not.toContain('CreateCacheEntry');
    } finally {
      await service.close();
    }
  });

  test.each([
    ['off', {}, {}],
    ['auto', {}, { event: 'pull_request_target' }],
    ['auto', { GITHUB_REF: 'refs/tags/v1' }, {}],
  ])('is not asked with %s, %j, %j', async (cache, env, options) => {
    const service = await startService();
    try {
      await write({ 'requirements.txt': '' });
      const result = await setUp({
        ...options,
        inputs: { cache },
        env: { ...service.env, UV_CACHE_DIR: join(workspace, 'uv'), ...env },
      });
      expect(result.exitCode).toBe(0);
      expect(service.calls).toEqual([]);
    } finally {
      await service.close();
    }
  });
});

describe("uv's own release", () => {
  const version = '9.9.9';
  const triple = targetTriple(process.platform, process.arch, false) ?? '';
  let server: Server;
  let archive: Buffer;

  beforeAll(async () => {
    const folder = join(root, `uv-${triple}`);
    await mkdir(folder);
    await cp(uv, join(folder, windows ? 'uv.exe' : 'uv'));
    const file = join(root, windows ? 'uv.zip' : 'uv.tar.gz');
    // As on the release page: the zip is flat, the tarball holds a folder.
    if (windows) await command('tar', ['-a', '-cf', file, '-C', folder, 'uv.exe']);
    else await command('tar', ['-czf', file, '-C', root, `uv-${triple}`]);
    archive = await readFile(file);
    server = createServer((request, response) => {
      const known =
        request.url ===
        `/astral-sh/uv/releases/download/${version}/uv-${triple}.${windows ? 'zip' : 'tar.gz'}`;
      response.writeHead(known ? 200 : 404).end(known ? archive : '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));
  beforeEach(() => {
    vi.stubEnv('UV_INSTALLER_GITHUB_BASE_URL', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    vi.stubEnv('RUNNER_TOOL_CACHE', join(workspace, 'tools'));
    vi.stubEnv('RUNNER_TEMP', join(workspace, 'temp'));
  });

  test('is installed when its checksum is the pinned one', async () => {
    const sha256 = createHash('sha256').update(archive).digest('hex');
    const installed = await installRelease(
      { version, sha256: { [triple]: sha256 } },
      AbortSignal.timeout(60_000),
    );
    expect(installed.path).toContain(join(workspace, 'tools'));
    expect((await command(installed.path, ['--version'])).stdout).toMatch(/^uv /);
  });

  test('is refused otherwise', async () => {
    const release = { version, sha256: { [triple]: '0'.repeat(64) } };
    await expect(installRelease(release, AbortSignal.timeout(60_000))).rejects.toThrow(
      'is not the file that was published',
    );
    expect(await readdir(join(workspace, 'tools/uv', version))).toEqual([]);
  });

  test('is not to be had for every platform', async () => {
    await expect(installRelease({ version, sha256: {} }, AbortSignal.timeout(60_000))).rejects.toThrow(
      'there is no uv for this runner',
    );
  });
});
