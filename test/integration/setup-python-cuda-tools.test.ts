import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { command } from '@mlops/core/process';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { installRelease } from '../../actions/setup-python-cuda/src/uv/uv.ts';
import { targetTriple } from '../../actions/setup-python-cuda/src/uv/uv-release.ts';
import { offerPython } from './setup-python-cuda/offered-python.ts';
import {
  errorOf,
  pathWithoutUv,
  root,
  setUp,
  uv,
  windows,
  workspace,
  write,
} from './setup-python-cuda/workbench.ts';

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

  test('a project gets the uv that it requires, whatever is on PATH', async () => {
    await write({ 'uv.toml': 'required-version = "==0.12.5"\n' });
    const env = { PATH: [dirname(uv), pathWithoutUv].join(delimiter) };
    const result = await setUp({ inputs: { install: false }, env });
    expect(result.annotations).toEqual([]);
    expect(result.stdout).toMatch(/^uv 0\.12\.5 at .*/m);
    expect(result.path[0]).toBe(dirname(result.outputs['uv-path'] ?? ''));
    const input = await setUp({ inputs: { install: false, 'uv-version': '>=0.13' }, env });
    expect(input.outputs['uv-path']).toBe(uv);

    const none = errorOf(await setUp({ inputs: { install: false, 'uv-version': '0.9.999' }, env }));
    expect(none?.message).toMatch(
      /^uv ==0\.9\.999 \(from the input uv-version\) is not here and pip could not install it\nAsk for a version that there is/,
    );
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
    const { version, folder, env } = await offerPython();
    const result = await setUp({ inputs: { install: false, 'python-version': version }, env });
    expect(result.annotations).toEqual([]);
    expect(result.stdout).toContain(`No Python here meets '${version}'`);
    expect(result.outputs['python-version']).toBe(version);
    expect(await readdir(join(workspace, 'pythons'))).toContain(folder);

    // With check-latest one is installed although the machine's own would do.
    const own = (folder: string) => ({
      ...env,
      UV_MANAGED_PYTHON: undefined,
      UV_PYTHON_INSTALL_DIR: join(workspace, folder),
      PATH: [dirname(result.outputs['python-path'] ?? ''), env.PATH].join(delimiter),
    });
    const inputs = { install: false, 'python-version': version };
    await setUp({ inputs, env: own('none') });
    expect(existsSync(join(workspace, 'none'))).toBe(false);
    const latest = await setUp({ inputs: { ...inputs, 'check-latest': true }, env: own('newest') });
    expect(latest.annotations).toEqual([]);
    expect(await readdir(join(workspace, 'newest'))).toContainEqual(expect.stringMatching(/^cpython-/));
  });

  test('a version that nobody has is an error that lists those found', async () => {
    await write({ '.python-version': '3.99\n' });
    const error = errorOf(await setUp({ inputs: { install: false } }));
    expect(error).toMatchObject({ file: '.python-version', line: 1 });
    expect(error?.message).toMatch(/^Python '3\.99' \(from \.python-version\) is not on this machine/);
    expect(error?.message).toMatch(/Found: .*cpython 3\.\d+/);
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
