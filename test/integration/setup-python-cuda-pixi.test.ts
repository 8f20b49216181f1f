import { join } from 'node:path';
import { command } from '@mlops/core/process';
import { beforeAll, describe, expect, test } from 'vitest';
import { channelUrl, makeChannel, standIns, subdir } from './setup-python-cuda/conda.ts';
import { errorOf, setUp, windows, workspace, write } from './setup-python-cuda/workbench.ts';

// The channel, the solver and the installation are real (py-rattler, which pixi is made of); the program stands in.
describe.skipIf(windows)('pixi workspaces', () => {
  beforeAll(makeChannel, 120_000);

  const manifest = (six = '==1.15.0') => `[workspace]
name = "demo"
channels = ["${channelUrl}"]
platforms = ["${subdir}"]
[dependencies]
python = "*"
hello = "*"
[feature.test.dependencies]
six = "${six}"
[environments]
test = ["test"]
`;

  async function lock(env: Record<string, string | undefined>): Promise<void> {
    await command(
      'pixi',
      ['install', '--manifest-path', join(workspace, 'pixi.toml'), '--environment', 'test'],
      {
        env: { ...process.env, ...env },
      },
    );
  }

  test('the environments of a lock are installed, and the first one is activated', async () => {
    await write({ 'pixi.toml': manifest() });
    const { env, calls } = await standIns(workspace, 'pixi');
    await lock(env);
    const result = await setUp({ env, inputs: { 'pixi-environments': 'test\ndefault' } });
    expect(result.annotations).toEqual([]);
    const prefix = join(workspace, '.pixi/envs/test');
    const PATH = [...result.path.toReversed(), process.env.PATH].join(':');
    const code = 'import os, six, sys; print(sys.prefix, six.__version__, os.environ["HELLO_HOME"])';
    const { stdout } = await command('python', ['-c', code], { env: { ...result.env, PATH } });
    expect(stdout).toBe(`${prefix} 1.15.0 ${prefix}/share/hello`);
    expect(result.env).toMatchObject({ CONDA_PREFIX: prefix, PIXI_IN_SHELL: '1' });
    expect(result.outputs).toMatchObject({ venv: prefix, 'python-path': join(prefix, 'bin/python') });
    expect(result.record?.environments).toMatchObject([{ manager: 'pixi', lock: { path: 'pixi.lock' } }]);
    const manifestPath = ['--manifest-path', join(workspace, 'pixi.toml')];
    expect((await calls()).slice(-2).map(({ args }) => args)).toEqual([
      ['install', ...manifestPath, '--locked', '--environment', 'test', '--environment', 'default'],
      ['shell-hook', '--json', ...manifestPath, '--locked', '--environment', 'test'],
    ]);
  });

  test('a stale lock is an error, unless it is to be followed all the same', async () => {
    await write({ 'pixi.toml': manifest() });
    const { env, calls } = await standIns(workspace, 'pixi');
    await lock(env);
    await write({ 'pixi.toml': manifest('==1.16.0') });
    const error = errorOf(await setUp({ env }));
    expect(error).toMatchObject({ file: 'pixi.lock' });
    expect(error?.message).toMatch(/lock-file not up-to-date[\s\S]*'pixi lock' and commit pixi\.lock/);
    const frozen = await setUp({ env, inputs: { 'pixi-frozen': true } });
    expect(frozen.exitCode).toBe(0);
    expect((await calls()).at(-1)?.args).toContain('--frozen');
  });

  test('without a lock a notice says so', async () => {
    await write({ 'pixi.toml': manifest() });
    const { env } = await standIns(workspace, 'pixi');
    const result = await setUp({ env });
    expect(result.exitCode).toBe(0);
    expect(result.annotations).toMatchObject([{ level: 'notice', title: 'Not locked', file: 'pixi.toml' }]);
    expect(result.record?.environments[0]?.lock).toBeNull();
  });

  test('inputs that pixi has no use for are refused before anything is installed', async () => {
    await write({ 'pixi.toml': manifest() });
    const { env, calls } = await standIns(workspace, 'pixi');
    const groups = errorOf(await setUp({ env, inputs: { groups: 'test' } }));
    expect(groups?.message).toMatch(/'test' has no meaning for pixi[\s\S]*'pixi-environments'/);
    const python = errorOf(await setUp({ env, inputs: { 'python-version': '3.12' } }));
    expect(python?.message).toMatch(/input python-version: '3\.12' has no meaning for pixi/);
    expect((await calls()).filter(({ args }) => args[0] === 'install')).toEqual([]);
  });
});
