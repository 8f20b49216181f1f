import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { searchPath } from '../src/python.ts';
import { targetTriple, uvRelease, uvRequirementsFile } from '../src/uv/uv-release.ts';
import { checkVenvPath, venvPaths } from '../src/venv.ts';

test('a virtual environment has its programs in bin, on Windows in Scripts', () => {
  expect(venvPaths('/w/.venv', 'linux')).toEqual({ bin: '/w/.venv/bin', python: '/w/.venv/bin/python' });
  expect(venvPaths('/w/.venv', 'darwin').python).toBe('/w/.venv/bin/python');
  expect(venvPaths('D:\\w\\.venv', 'win32')).toEqual({
    bin: 'D:\\w\\.venv\\Scripts',
    python: 'D:\\w\\.venv\\Scripts\\python.exe',
  });
});

test('the environment may be anywhere but around the project', () => {
  const check = (venv: string) => checkVenvPath(venv, '/repo/ml', '/repo');
  for (const venv of ['/repo/ml/.venv', '/repo/.venv', '/tmp/venv', '/repo-venv'])
    expect(() => check(venv)).not.toThrow();
  for (const venv of ['/repo/ml', '/repo', '/'])
    expect(() => check(venv)).toThrow('holds the project itself');
});

describe("uv's releases", () => {
  test.each<[NodeJS.Platform, string, boolean, string | undefined]>([
    ['linux', 'x64', false, 'x86_64-unknown-linux-gnu'],
    ['linux', 'arm64', true, 'aarch64-unknown-linux-musl'],
    ['darwin', 'arm64', false, 'aarch64-apple-darwin'],
    ['win32', 'x64', false, 'x86_64-pc-windows-msvc'],
    ['win32', 'arm64', false, 'aarch64-pc-windows-msvc'],
    ['aix', 'ppc64', false, undefined],
    ['linux', 'mips', false, undefined],
  ])('%s %s musl=%s is %s', (platform, arch, musl, triple) => {
    expect(targetTriple(platform, arch, musl)).toBe(triple);
    if (triple) expect(uvRelease.sha256[triple]).toMatch(/^[0-9a-f]{64}$/);
  });

  test('the requirements file pins one version by whole hashes', () => {
    const [first, ...hashes] = uvRequirementsFile().trimEnd().split(' \\\n');
    expect(first).toMatch(/^uv==\d+\.\d+\.\d+$/);
    expect(hashes.length).toBeGreaterThan(10);
    for (const hash of hashes) expect(hash).toMatch(/^ {4}--hash=sha256:[0-9a-f]{64}$/);
  });
});

describe('where uv looks for Python', () => {
  let root: string;
  beforeEach(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'search-')));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));
  const env = (more: NodeJS.ProcessEnv) => ({ PYENV_ROOT: join(root, 'pyenv'), PATH: '/usr/bin', ...more });

  test("behind PATH in the runner's tool cache, newest first, whole installations only", async () => {
    for (const version of ['3.9.18', '3.12.4', '3.10.1']) {
      await mkdir(join(root, 'tools/Python', version, 'x64/bin'), { recursive: true });
      if (version !== '3.10.1') await writeFile(join(root, 'tools/Python', version, 'x64.complete'), '');
    }
    const tools = { RUNNER_TOOL_CACHE: join(root, 'tools') };
    const at = (version: string, ...rest: string[]) => join(root, 'tools/Python', version, 'x64', ...rest);
    expect(searchPath(env(tools), 'linux', 'x64').split(delimiter)).toEqual([
      '/usr/bin',
      at('3.12.4', 'bin'),
      at('3.9.18', 'bin'),
    ]);
    expect(searchPath(env(tools), 'win32', 'x64').split(delimiter)).toEqual([
      '/usr/bin',
      at('3.12.4'),
      at('3.9.18'),
    ]);
    expect(searchPath(env(tools), 'linux', 'arm64')).toBe('/usr/bin');
  });

  test("in pyenv's selected version instead of its shims, then in its others", async () => {
    const at = (version: string) => join(root, 'pyenv/versions', version, 'bin');
    for (const version of ['3.11.7', '3.13.0']) await mkdir(at(version), { recursive: true });
    await writeFile(join(root, 'pyenv/version'), '3.11.7\n');
    const path = ['/first', join(root, 'pyenv/shims'), '/usr/bin'].join(delimiter);
    expect(searchPath(env({ PATH: path }), 'linux', 'x64').split(delimiter)).toEqual([
      '/first',
      at('3.11.7'),
      '/usr/bin',
      at('3.13.0'),
      at('3.11.7'),
    ]);
  });
});
