import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { command } from '@mlops/core/process';
import type { ActionResult } from '@mlops/testkit/runner-files';
import { beforeAll, describe, expect, test } from 'vitest';
import { channel, channelUrl, makeChannel, standIns, subdir } from './setup-python-cuda/conda.ts';
import { makeWheel } from './setup-python-cuda/private-index.ts';
import { errorOf, pathWithoutUv, setUp, windows, workspace, write } from './setup-python-cuda/workbench.ts';

// The channel and its packages are real, and so are the solver and the installation (py-rattler); the programs stand in.
describe.skipIf(windows)('conda environments', () => {
  beforeAll(makeChannel, 120_000);

  const environment = (...dependencies: string[]) =>
    `name: demo\nchannels:\n  - ${channelUrl}\ndependencies:\n${dependencies.map((each) => `  - ${each}\n`).join('')}`;

  /** Runs Python as a later step of the job would find it. */
  async function laterStep(result: ActionResult, code: string): Promise<string> {
    expect(result.annotations.filter(({ level }) => level === 'error')).toEqual([]);
    const PATH = [...result.path.toReversed(), process.env.PATH].join(':');
    const { stdout } = await command('python', ['-c', code], { env: { ...result.env, PATH } });
    return stdout.trim();
  }

  test.each(['micromamba', 'conda'] as const)(
    '%s makes environment.yml, and later steps find it activated',
    async (tool) => {
      await write({ 'environment.yml': environment('python', 'six=1.15', 'hello') });
      const { env, calls } = await standIns(workspace, tool);
      const result = await setUp({ env });
      const prefix = join(workspace, '.venv');
      const seen = await laterStep(
        result,
        'import os, six, sys, subprocess as s; print(sys.prefix, six.__version__, os.environ["HELLO_HOME"], s.check_output("hello").decode())',
      );
      expect(seen).toBe(`${prefix} 1.15.0 ${prefix}/share/hello hello`);
      expect(result.env).toMatchObject({ CONDA_PREFIX: prefix, CONDA_DEFAULT_ENV: prefix });
      expect(result.outputs).toMatchObject({
        venv: prefix,
        'python-path': join(prefix, 'bin/python'),
        'cache-hit': 'false',
      });
      expect(result.annotations).toMatchObject([
        { level: 'notice', title: 'Not locked', file: 'environment.yml' },
      ]);
      expect(result.record?.environments).toMatchObject([
        { manager: 'conda', lock: null, python: result.outputs['python-version'] },
      ]);
      const [create] = (await calls()).filter(({ args }) => args.includes('--prefix'));
      const [words, file] =
        tool === 'conda'
          ? [['env', 'create'], join(result.runner.temp, 'mlops/setup-python-cuda/environment.yml')]
          : [['create', '--yes'], join(workspace, 'environment.yml')];
      expect(create?.args).toEqual([...words, '--prefix', prefix, '--file', file]);
    },
  );

  test('the same files keep the environment, a change replaces it', async () => {
    await write({ 'environment.yml': environment('python', 'six=1.15') });
    const { env } = await standIns(workspace, 'micromamba');
    const first = await setUp({ env });
    const made = (await stat(join(workspace, '.venv/conda-meta'))).ino;
    const second = await setUp({ env });
    expect((await stat(join(workspace, '.venv/conda-meta'))).ino).toBe(made);
    expect(second.summary).toContain('environment reused');
    expect(second.record?.environments[0]?.digest).toBe(first.record?.environments[0]?.digest);
    await write({ 'environment.yml': environment('python', 'six=1.16') });
    const third = await setUp({ env });
    expect(await laterStep(third, 'import six; print(six.__version__)')).toBe('1.16.0');
    expect(third.record?.environments[0]?.digest).not.toBe(first.record?.environments[0]?.digest);
  });

  test('channels, condarc, further packages and the version of Python come from inputs', async () => {
    await write({ 'environment.yml': 'dependencies: [python]\n' });
    const { env, calls } = await standIns(workspace, 'micromamba', 'conda');
    const version = (await setUp({ inputs: { install: false } })).outputs['python-version'] ?? '';
    const inputs = {
      'conda-channels': channelUrl,
      condarc: 'channel_priority: strict',
      'create-args': 'six=1.15',
      'python-version': version,
    };
    const result = await setUp({ env, inputs });
    expect(await laterStep(result, 'import six; print(six.__version__)')).toBe('1.15.0');
    const [create] = (await calls()).filter(({ args }) => args[0] === 'create');
    expect(create?.args.slice(-2)).toEqual(['six=1.15', `python=${version}`]);
    expect(create?.env).toMatchObject({ CONDA_CHANNELS: channelUrl });
    expect(await readFile(create?.env.CONDARC ?? '', 'utf8')).toBe('channel_priority: strict\n');

    const other = await setUp({
      env,
      inputs: { 'conda-tool': 'conda', 'conda-channels': channelUrl, 'python-version': version },
    });
    await laterStep(other, 'import sys');
    const made = (await calls()).find(({ tool, args }) => tool === 'conda' && args[0] === 'env');
    expect(await readFile(made?.args.at(-1) ?? '', 'utf8')).toBe(`dependencies:\n  - python=${version}\n`);
  });

  async function lockText(more = ''): Promise<string> {
    const files = ['python', 'pip', 'six'];
    const listed = JSON.parse(await readFile(join(channel, subdir, 'repodata.json'), 'utf8'));
    const entries = Object.entries<{ name: string; version: string; md5: string; sha256: string }>(
      listed.packages,
    ).filter(([, { name, version }]) => files.includes(name) && version !== '1.15.0');
    const packages = entries.map(
      ([file, { name, version, md5, sha256 }]) => `- name: ${name}
  version: '${version}'
  manager: conda
  platform: ${subdir}
  url: ${channelUrl}/${subdir}/${file}
  hash: {md5: ${md5}, sha256: ${sha256}}
  category: ${name === 'six' ? 'dev' : 'main'}
`,
    );
    return `version: 1\nmetadata:\n  platforms: [${subdir}]\npackage:\n${packages.join('')}${more}`;
  }

  test('conda-lock.yml is installed exactly, also what it has from the index', async () => {
    const wheel = join(await makeWheel('fromindex'), 'fromindex-1.0-py3-none-any.whl');
    const digest = createHash('sha256')
      .update(await readFile(wheel))
      .digest('hex');
    const entry = `- name: fromindex
  version: '1.0'
  manager: pip
  platform: ${subdir}
  url: ${pathToFileURL(wheel).href}
  hash: {sha256: ${digest}}
  category: main
`;
    await write({ 'conda-lock.yml': await lockText(entry), 'environment.yml': environment('python') });
    const { env, calls } = await standIns(workspace, 'micromamba');
    const result = await setUp({ env });
    expect(await laterStep(result, 'import fromindex, six; print(six.__version__)')).toBe('1.16.0');
    expect(result.annotations).toEqual([]);
    expect(result.record?.environments[0]).toMatchObject({
      manager: 'conda',
      lock: { path: 'conda-lock.yml', digest: expect.any(String) },
    });
    const [create] = (await calls()).filter(({ args }) => args[0] === 'create');
    const explicit = await readFile(create?.args.at(-1) ?? '', 'utf8');
    expect(explicit).toMatch(/^@EXPLICIT\nfile:.*#sha256:[0-9a-f]{64}\n/);

    const without = await setUp({ env, inputs: { 'exclude-groups': 'dev' } });
    expect(await laterStep(without, 'import importlib.util as u; print(u.find_spec("six"))')).toBe('None');

    await write({ 'conda-lock.yml': (await lockText(entry)).replace(digest, '0'.repeat(64)) });
    const error = errorOf(await setUp({ env }));
    expect(error?.message).toMatch(
      /do not match the hashes[\s\S]*another file than the one that was locked/i,
    );
  });

  test.each(['micromamba', 'conda'] as const)('%s installs an explicit list of any name', async (tool) => {
    const { packages } = JSON.parse(await readFile(join(channel, subdir, 'repodata.json'), 'utf8'));
    const lines = Object.entries<{ name: string; version: string; md5: string }>(packages)
      .filter(([, { name, version }]) => name === 'python' || (name === 'six' && version === '1.15.0'))
      .map(([file, { md5 }]) => `${channelUrl}/${subdir}/${file}#${md5}\n`);
    await write({ 'ci.txt': `# platform: ${subdir}\n@EXPLICIT\n${lines.join('')}` });
    const { env } = await standIns(workspace, tool);
    const result = await setUp({ env, inputs: { 'dependency-files': 'ci.txt' } });
    expect(await laterStep(result, 'import six; print(six.__version__)')).toBe('1.15.0');
    expect(result.annotations).toEqual([]);
    expect(result.record?.environments[0]).toMatchObject({ manager: 'conda', lock: { path: 'ci.txt' } });
  });

  test('a tool that activates nothing is found out', async () => {
    await write({ 'environment.yml': environment('python') });
    const { env } = await standIns(workspace, 'micromamba');
    const result = await setUp({ env: { ...env, CONDA_STAND_IN_BROKEN: '1' } });
    expect(errorOf(result)?.message).toMatch(/could not be activated[\s\S]*Check the installation of conda/);
  });

  test('a micromamba that is not the published one is not run', async () => {
    const server = createServer((_, response) => response.end('#!/bin/sh\necho 2.9.0\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await write({ 'environment.yml': environment('python') });
    const none = { MAMBA_EXE: undefined, CONDA_EXE: undefined, CONDA: undefined };
    try {
      const result = await setUp({ env: { ...none, MICROMAMBA_REPOURL: address, PATH: pathWithoutUv } });
      expect(errorOf(result)?.message).toMatch(
        /micromamba-.* is not the file that was published: its SHA-256 is [0-9a-f]{64}, pinned is/,
      );
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  test('an explicit list of another platform is refused at its line', async () => {
    await write({
      'spec.txt': '# made elsewhere\n@EXPLICIT\nhttps://conda.invalid/x/win-arm64/a-1-0.conda#00\n',
    });
    const { env, calls } = await standIns(workspace, 'micromamba');
    const error = errorOf(await setUp({ env, inputs: { 'dependency-files': 'spec.txt' } }));
    expect(error).toMatchObject({ file: 'spec.txt', line: 3 });
    expect(error?.message).toContain(`lists packages for win-arm64, and this runner is ${subdir}`);
    expect((await calls()).filter(({ args }) => args.includes('create'))).toEqual([]);
  });

  test('an environment without Python is an error', async () => {
    await write({ 'environment.yml': environment('nopython') });
    const { env } = await standIns(workspace, 'micromamba');
    expect(errorOf(await setUp({ env }))?.message).toMatch(/has no Python[\s\S]*Add 'python'/);
  });

  test("MLproject's conda_env names the file", async () => {
    await write({
      MLproject: 'name: demo\nconda_env: conf/mlflow.yaml\n',
      'conf/mlflow.yaml': environment('python', 'six'),
      'requirements.txt': 'idna\n',
    });
    const { env } = await standIns(workspace, 'micromamba');
    const result = await setUp({ env });
    expect(await laterStep(result, 'import six; print(six.__version__)')).toBe('1.16.0');
    expect(result.annotations[0]?.message).toContain('not used: requirements.txt');
  });

  test('a folder that is no environment is left alone', async () => {
    await write({ 'environment.yml': environment('python'), 'data/precious.csv': '1' });
    const { env } = await standIns(workspace, 'micromamba');
    const error = errorOf(await setUp({ env, inputs: { venv: 'data' } }));
    expect(error?.message).toContain('exists and is no environment');
    expect(await readFile(join(workspace, 'data/precious.csv'), 'utf8')).toBe('1');
  });
});
