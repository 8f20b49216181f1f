import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { command } from '@mlops/core/process';
import { type ActionOptions, type ActionResult, runAction } from '@mlops/testkit/runner-files';
import { afterAll, beforeAll, beforeEach, expect, vi } from 'vitest';

const action = fileURLToPath(new URL('../../../actions/setup-python-cuda', import.meta.url));
export const windows = process.platform === 'win32';
/** uv is to be found by the action, not by luck. */
export const pathWithoutUv = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !existsSync(join(folder, windows ? 'uv.exe' : 'uv')))
  .join(delimiter);

export let root: string;
/** The uv that the action installed for all of a file's tests. */
export let uv: string;
/** What every step has in its environment: no uv on PATH, and caches of the tests' own. */
let shared: Record<string, string>;
/** A new one for every test. */
export let workspace: string;
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
  vi.unstubAllEnvs();
  workspace = await mkdtemp(join(root, 'workspace-'));
});

export async function setUp(options: ActionOptions = {}): Promise<ActionResult> {
  const result = await runAction(action, { workspace, ...options, env: { ...shared, ...options.env } });
  results.push(result);
  return result;
}

/** The action's post step, at the end of the job that `main` began. */
export async function finishJob(main: ActionResult, env: Record<string, string>): Promise<ActionResult> {
  return runAction(action, { phase: 'post', after: main, env: { ...shared, ...env } });
}

export async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(workspace, name)), { recursive: true });
    await writeFile(join(workspace, name), text);
  }
}

export async function runUv(...args: string[]): Promise<string> {
  const result = await command(uv, args, {
    cwd: workspace,
    env: { ...shared, NO_COLOR: '1', VIRTUAL_ENV: undefined },
  });
  return result.stdout;
}

export const locked = () =>
  runUv('pip', 'compile', '--generate-hashes', '--no-header', 'requirements.in', '-o', 'requirements.txt');

/** The address of the index that uv has on this machine, which may be a mirror. */
export async function index(): Promise<string> {
  const folder = await mkdtemp(join(root, 'index-'));
  await writeFile(join(folder, 'pyproject.toml'), project);
  await runUv('lock', '--quiet', '--directory', folder);
  return /registry = "([^"]+)"/.exec(await readFile(join(folder, 'uv.lock'), 'utf8'))?.[1] ?? '';
}

/** The parts of uv's name for an interpreter: implementation, version, system, architecture, C library. */
export async function keyOf(python: string): Promise<string[]> {
  const listed = await runUv('python', 'list', python, '--only-installed', '--output-format', 'json');
  return JSON.parse(listed)[0].key.split('-');
}

/** What is installed, as `name==version`. */
export async function installed(result: ActionResult): Promise<string[]> {
  expect(result.annotations.filter(({ level }) => level === 'error')).toEqual([]);
  expect(result.exitCode).toBe(0);
  return (await runUv('pip', 'freeze', '--python', result.outputs['python-path'] ?? ''))
    .split('\n')
    .filter(Boolean);
}

export function errorOf(result: ActionResult) {
  expect(result.exitCode).toBe(1);
  const errors = result.annotations.filter(({ level }) => level === 'error');
  expect(errors).toHaveLength(1);
  return errors[0];
}

export const project = `[project]
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
