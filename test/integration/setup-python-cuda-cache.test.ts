import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JobRecord } from '@mlops/core/record';
import type { ActionResult } from '@mlops/testkit/runner-files';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { PostState } from '../../actions/setup-python-cuda/src/post.ts';
import { type Service, startService } from '../../packages/core/test/store-service.ts';
import { offerPython } from './setup-python-cuda/offered-python.ts';
import {
  finishJob,
  index,
  installed,
  locked,
  runUv,
  setUp,
  windows,
  workspace,
  write,
} from './setup-python-cuda/workbench.ts';

let service: Service;
/** What every job has: the cache service, and folders at the same place on every machine. */
let env: Record<string, string>;
let run = 0;
beforeEach(async () => {
  service = await startService();
  env = {
    ...service.env,
    UV_CACHE_DIR: join(workspace, 'machine/uv'),
    RUNNER_TEMP: join(workspace, 'machine/temp'),
  };
  await newMachine();
});
afterEach(() => service.close());

/** What a job on another machine finds: the checkout and nothing else. */
async function newMachine(): Promise<void> {
  for (const name of ['machine', '.venv']) await rm(join(workspace, name), { recursive: true, force: true });
  await mkdir(join(workspace, 'machine/temp'), { recursive: true });
}

/** A job whose environment took so many seconds, as far as later ones are told. */
async function job(
  inputs: Record<string, string | boolean> = {},
  { seconds, more = {} }: { seconds?: number; more?: Record<string, string> } = {},
): Promise<{ main: ActionResult; post: ActionResult }> {
  await newMachine();
  run += 1;
  const main = await setUp({ inputs, env: { ...env, ...more, GITHUB_RUN_ID: String(run) } });
  expect(main.exitCode).toBe(0);
  const state = stateOf(main);
  if (seconds !== undefined && state.environment) state.environment.seconds = seconds;
  const post = await finishJob(
    { ...main, state: { ...main.state, cache: JSON.stringify(state) } },
    { ...env, ...more },
  );
  expect(post.exitCode).toBe(0);
  return { main, post };
}

function stateOf(main: ActionResult): PostState {
  return JSON.parse(main.state.cache ?? '') as PostState;
}

describe('built wheels', () => {
  test('are kept, and nothing else', async () => {
    await write({
      // docopt has no wheel; six has one.
      'requirements.in': 'docopt==0.6.2\nsix==1.16.0\n',
      // A mirror may not say that its files never change, and uv would then fetch and build them again.
      'uv.toml': `[[index]]\nurl = "${await index()}"\ndefault = true\ncache-control = { files = "max-age=365000000, immutable" }\n`,
    });
    await locked();
    const inputs = { cache: 'built-wheels' };
    const first = await job(inputs);
    expect(await installed(first.main)).toHaveLength(2);
    expect(first.main.outputs).toMatchObject({
      'cache-hit': 'false',
      'cache-key': expect.stringMatching(/^setup-python-cuda-/),
      'restored-bytes': '0',
      'install-seconds': expect.stringMatching(/^\d+(\.\d+)?$/),
    });
    expect(first.post.stdout).toMatch(/Saved \d+ bytes of built wheels/);

    const second = await job(inputs);
    expect(second.main.outputs['cache-hit']).toBe('true');
    expect(Number(second.main.outputs['restored-bytes'])).toBeGreaterThan(0);
    expect(await installed(second.main)).toHaveLength(2);
    expect(second.main.stdout).not.toContain('Building docopt');
    expect(stateOf(second.main).wheels).toBeUndefined();
    const record = await readFile(join(env.RUNNER_TEMP ?? '', 'mlops/run-record.json'), 'utf8');
    expect((JSON.parse(record) as JobRecord).environments[0]).toMatchObject({
      cacheHit: true,
      restoredBytes: Number(second.main.outputs['restored-bytes']),
    });

    // Another lock starts from what there is, and leaves behind what it does not need.
    await write({ 'requirements.in': 'docopt==0.6.1\nsix==1.16.0\n' });
    await locked();
    const third = await job(inputs);
    expect(third.main.outputs['cache-hit']).toBe('false');
    expect(third.main.stdout).toContain(`from ${first.main.outputs['cache-key']}`);
    const wheels = (await readdir(env.UV_CACHE_DIR ?? '', { recursive: true })).filter((name) =>
      name.endsWith('.whl'),
    );
    expect(wheels).toEqual([expect.stringContaining('docopt-0.6.1')]);
  });

  test('are not saved where nothing was built', async () => {
    await write({ 'requirements.in': 'six==1.16.0\n' });
    await locked();
    const { post } = await job();
    expect(post.stdout).toContain('nothing to cache');
    expect(post.stdout).toMatch(
      /The environment is not saved: \d\.\d s, restoring \d+ MB would take 1\.\d s or more/,
    );
    expect(service.calls).not.toContain('CreateCacheEntry');
  });
});

describe('the environment', () => {
  beforeEach(async () => {
    await write({ 'requirements.in': 'six==1.16.0\niniconfig==2.1.0\n' });
    await locked();
  });

  test('is restored while that is the faster way', async () => {
    const first = await job({}, { seconds: 60 });
    expect(first.main.stdout).toContain('Environment: install, what it takes is not known yet.');
    expect(first.post.stdout).toMatch(/Saved times[\s\S]*Saved \d+ bytes of the environment/);

    const second = await job({}, { seconds: 4 });
    expect(second.main.stdout).toContain('Environment: restore, to compare it with installing, 60.0 s.');
    expect(second.main.stdout).not.toContain('Installed 2 packages');
    expect(second.main.outputs).toMatchObject({
      'cache-hit': 'true',
      'cache-key': expect.stringContaining('environment'),
    });
    expect(Number(second.main.outputs['restored-bytes'])).toBeGreaterThan(10_000);
    expect(await installed(second.main)).toEqual(['iniconfig==2.1.0', 'six==1.16.0']);
    expect(second.main.summary).toContain('environment restored');

    const third = await job({}, { seconds: 96 });
    expect(third.main.stdout).toContain(
      'Environment: restore, restoring takes 4.0 s, installing 60.0 s (medians of 1 and 1).',
    );

    // What was slow now and again decides by the median.
    await job({}, { seconds: 97 });
    const last = await job();
    expect(last.main.stdout).toContain(
      'Environment: install, restoring takes 96.0 s, installing 60.0 s (medians of 3 and 1).',
    );
    expect(last.main.outputs['restored-bytes']).toBe('0');
    expect(last.post.stdout).toContain('The environment is not saved: restoring takes 96.0 s');
  });

  test('of another lock is where the next one starts', async () => {
    await job({ cache: 'environment' });
    await write({ 'requirements.in': 'six==1.16.0\niniconfig==2.0.0\n' });
    await locked();
    const { main, post } = await job({ cache: 'environment' });
    expect(main.outputs['cache-hit']).toBe('false');
    expect(main.stdout).toMatch(/Restored \d+ bytes[\s\S]*- iniconfig==2\.1\.0\n \+ iniconfig==2\.0\.0/);
    expect(await installed(main)).toEqual(['iniconfig==2.0.0', 'six==1.16.0']);
    expect(post.stdout).toMatch(/Saved \d+ bytes of the environment/);
  });

  test.each([
    ['another place', { venv: 'env' }],
    ['another suffix', { 'cache-suffix': 'b' }],
  ])('is not shared with %s', async (_, inputs) => {
    await job({ cache: 'environment' });
    const { main } = await job({ cache: 'environment', ...inputs });
    expect(main.outputs).toMatchObject({ 'cache-hit': 'false', 'restored-bytes': '0' });
  });

  test('that a later step has changed is not saved', async () => {
    const main = await setUp({ inputs: { cache: 'environment' }, env });
    await runUv('pip', 'install', '--python', main.outputs['python-path'] ?? '', 'idna');
    const post = await finishJob(main, env);
    expect(post.stdout).toContain('The environment is not saved: a later step has changed its packages.');
    expect(service.calls).not.toContain('CreateCacheEntry');
  });

  test('without a lock is installed anew, so that newer versions are seen', async () => {
    await write({ 'requirements.txt': 'six\n' });
    await job({ cache: 'environment' });
    const { main } = await job({ cache: 'environment' });
    expect(main.stdout).not.toContain('Environment:');
    expect(main.outputs['restored-bytes']).toBe('0');
  });

  test.each([
    ['restore-cache', /Saved \d+ bytes of the environment/],
    ['save-cache', /^(?![\s\S]*Saved)/],
  ])('with %s: false', async (input, said) => {
    const { main, post } = await job({ cache: 'environment', [input]: false });
    expect(post.stdout).toMatch(said);
    expect(main.outputs['restored-bytes']).toBe('0');
    expect(main.stdout.includes("Nothing will be saved: the input 'save-cache' is false.")).toBe(
      input === 'save-cache',
    );
  });
});

describe.skipIf(windows)('a restored environment that is of no use is replaced', () => {
  beforeEach(async () => {
    await write({ 'requirements.in': 'six==1.16.0\n' });
    await locked();
    await job({ cache: 'environment' });
  });

  /** Changes what the entry unpacks to; its archive stays a whole one. */
  function changeEntry(change: (folder: string) => void): void {
    service.damage((bytes) => {
      const folder = mkdtempSync(join(workspace, 'entry-'));
      const archive = join(folder, 'archive');
      const files = join(folder, 'files');
      mkdirSync(files);
      writeFileSync(archive, bytes);
      const compression = bytes.readUInt32BE() === 0x28b52ffd ? '--zstd' : '--gzip';
      execFileSync('tar', [compression, '-xf', archive, '-C', files]);
      change(join(files, '.venv'));
      execFileSync('tar', [compression, '-cf', archive, '-C', files, '.venv']);
      return readFileSync(archive);
    });
  }

  test.each([
    [
      'only half of it is there',
      'is not as it was saved',
      (venv: string) => rmSync(join(venv, 'lib'), { recursive: true }),
    ],
    [
      'it does not say what it is',
      'is not as it was saved',
      (venv: string) => rmSync(join(venv, 'mlops-environment.json')),
    ],
    [
      'its interpreter does not run',
      'does not run with this Python',
      (venv: string) => {
        const program = join(venv, 'bin/python');
        rmSync(program);
        symlinkSync('/nowhere/python', program);
      },
    ],
  ])('where %s', async (_, reason, change) => {
    changeEntry(change);
    const { main, post } = await job({ cache: 'environment' });
    expect(main.stdout).toContain(`The restored environment ${reason} and is replaced.`);
    expect(main.outputs).toMatchObject({ 'cache-hit': 'false', 'restored-bytes': '0' });
    expect(await installed(main)).toEqual(['six==1.16.0']);
    expect(post.stdout).toMatch(/Saved times[\s\S]*Saved \d+ bytes of the environment/);
    // The damaged entry is not asked for again.
    const next = await job({ cache: 'environment' });
    expect(next.main.outputs['cache-hit']).toBe('true');
  });

  test('where the archive is cut off', async () => {
    service.damage((bytes) => bytes.subarray(0, bytes.length / 2));
    const { main } = await job({ cache: 'environment' });
    expect(main.annotations.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(
        /The cache could not be restored: .* could not be fetched or unpacked .*The run goes on without it/,
      ),
    );
    expect(main.outputs['restored-bytes']).toBe('0');
    expect(await installed(main)).toEqual(['six==1.16.0']);
  });
});

describe('tools that had to be downloaded', () => {
  test('uv is restored instead of being installed again', async () => {
    const more = { RUNNER_TOOL_CACHE: join(workspace, 'machine/tools') };
    const first = await job({ install: false }, { more });
    expect(first.post.stdout).toMatch(/Saved \d+ bytes of uv-/);
    const second = await job({ install: false }, { more });
    expect(second.main.stdout).toMatch(/Restored \d+ bytes from setup-python-cuda-uv-/);
    expect(second.main.outputs['uv-path']).toBe(first.main.outputs['uv-path']);
    expect(Number(second.main.outputs['restored-bytes'])).toBeGreaterThan(1e6);
    expect(second.post.stdout).not.toContain('Saved');
  });
});

test.skipIf(windows)(
  'an interpreter that uv downloaded is restored instead, where that is asked for',
  async () => {
    const { version, env: offered } = await offerPython();
    const more = { ...offered, UV_PYTHON_INSTALL_DIR: join(workspace, 'machine/pythons') };
    const inputs = { install: false, 'python-version': version, 'cache-python': true };
    const first = await job(inputs, { more });
    expect(first.main.stdout).toContain('installing one');
    expect(first.post.stdout).toMatch(/Saved \d+ bytes of python-/);
    const second = await job(inputs, { more });
    expect(second.main.stdout).toMatch(/Restored \d+ bytes from setup-python-cuda-python-/);
    expect(second.main.stdout).not.toContain('installing one');
    expect(second.main.outputs['python-path']).toBe(first.main.outputs['python-path']);
  },
);

describe('nothing is written', () => {
  const release = 'what is released is built without traces for later runs';
  const withDefaults = 'with the caches of the default branch';
  const events: [string, { event?: string; payload?: object; ref?: string }, RegExp][] = [
    ['pull_request_target', { event: 'pull_request_target' }, new RegExp(`Not caching: .*${withDefaults}`)],
    ['workflow_run', { event: 'workflow_run' }, new RegExp(`Not caching: .*${withDefaults}`)],
    ['issue_comment', { event: 'issue_comment' }, new RegExp(`Not caching: .*${withDefaults}`)],
    ['release', { event: 'release' }, new RegExp(`Not caching: .*${release}`)],
    [
      'a tag',
      { ref: 'refs/tags/v1' },
      /Not caching: .*on a tag \('refs\/tags\/v1'\): no other run could read them/,
    ],
    [
      'a fork',
      {
        event: 'pull_request',
        payload: {
          repository: { full_name: 'acme/model' },
          pull_request: { number: 1, head: { sha: '', ref: '', repo: { full_name: 'mallory/model' } } },
        },
      },
      /Nothing will be saved: caches are not written for a pull request from a fork: its code is not trusted/,
    ],
  ];

  test.each(events)('on %s', async (_, { event, payload, ref }, said) => {
    await write({ 'requirements.in': 'six==1.16.0\n' });
    await locked();
    // An environment, and a uv that pip installs: on a push, both would be saved.
    const result = await setUp({
      ...(event && { event }),
      ...(payload && { payload }),
      inputs: { cache: 'environment', 'cache-python': true },
      env: { ...env, ...(ref && { GITHUB_REF: ref }), RUNNER_TOOL_CACHE: join(workspace, 'machine/tools') },
    });
    expect(result.exitCode).toBe(0);
    expect(result.stdout).toMatch(said);
    await finishJob(result, env);
    expect(service.calls).not.toContain('CreateCacheEntry');
    if (!payload) expect(service.calls).toEqual([]);
  });

  test('with cache: off', async () => {
    await write({ 'requirements.txt': '' });
    await job({ cache: 'off' });
    expect(service.calls).toEqual([]);
  });
});

test("uv's own cache can be given a folder, and pruned", async () => {
  await write({ 'requirements.in': 'six==1.16.0\n' });
  await locked();
  const main = await setUp({ inputs: { 'cache-local-path': 'machine/own', 'prune-cache': true }, env });
  expect(main.env.UV_CACHE_DIR).toBe(join(workspace, 'machine/own'));
  const unused = join(workspace, 'machine/own/archive-v0/unused');
  await mkdir(unused);
  await finishJob(main, { ...env, UV_CACHE_DIR: join(workspace, 'machine/own') });
  expect(await readdir(join(unused, '..'))).not.toContain('unused');
});

describe("a lock that is in uv's cache and in the environment", () => {
  beforeEach(async () => {
    await write({ 'requirements.in': 'six==1.16.0\niniconfig==2.1.0\nidna==3.10\n' });
    await locked();
    expect((await setUp({ env })).exitCode).toBe(0);
  });

  test.each([true, false])('is installed without the index; into a new environment: %s', async (anew) => {
    if (anew) await rm(join(workspace, '.venv'), { recursive: true });
    const nowhere = {
      HTTPS_PROXY: 'http://127.0.0.1:9',
      HTTP_PROXY: 'http://127.0.0.1:9',
      NO_PROXY: '127.0.0.1',
    };
    const result = await setUp({ env: { ...env, ...nowhere } });
    expect(await installed(result)).toHaveLength(3);
    expect(result.stdout).toContain(anew ? 'Installed 3 packages' : 'Checked 3 packages');
  });

  test('but for one package is asked for that one only', async () => {
    await write({ 'requirements.in': 'six==1.16.0\niniconfig==2.0.0\n' });
    await locked();
    const result = await setUp({ env });
    expect(result.stdout).toMatch(/Resolved 1 package[\s\S]*iniconfig==2\.0\.0[\s\S]*- idna==3\.10/);
    expect(await installed(result)).toEqual(['iniconfig==2.0.0', 'six==1.16.0']);
  });
});
