import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import type { ActionResult } from '@mlops/testkit/runner-files';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { channel, makeChannel, standIns, subdir } from './setup-python-cuda/conda.ts';
import {
  encoded,
  makeWheel,
  type PrivateIndex,
  privateIndex,
  token,
  user,
} from './setup-python-cuda/private-index.ts';
import {
  errorOf,
  finishJob,
  installed,
  pathWithoutUv,
  root,
  runUv,
  setUp,
  uv,
  windows,
  workspace,
  write,
} from './setup-python-cuda/workbench.ts';

let index: PrivateIndex;
let wheels: string;
beforeAll(async () => {
  wheels = await makeWheel('ours');
  if (!windows) await makeChannel();
  index = await privateIndex(wheels, channel ?? wheels);
}, 120_000);
afterAll(() => index.close());

const host = () => new URL(index.url).host;
const credentials = () => `http://${encodeURIComponent(user)}:${encoded}@${host()}`;
const inputs = () => ({
  'extra-index-urls': `${index.url}/simple`,
  'index-credentials': credentials(),
});

/** A uv that writes down what it was called with, and hands on to the real one. */
async function recordingUv(): Promise<{ PATH: string; log: string }> {
  const bin = join(workspace, 'uv-bin');
  const log = join(workspace, 'uv-arguments');
  await mkdir(bin);
  // What others on the machine see of a process is in its command line.
  const script = `#!/bin/sh\ntr '\\0' ' ' < /proc/$$/cmdline >> '${log}' 2>/dev/null\nprintf '%s\\n' "$*" >> '${log}'\nexec '${uv}' "$@"\n`;
  await writeFile(join(bin, 'uv'), script);
  await chmod(join(bin, 'uv'), 0o755);
  return { PATH: [bin, pathWithoutUv].join(delimiter), log };
}

/** Everything that a run leaves behind for others to read. */
function leftBehind({
  stdout,
  stderr,
  outputs,
  env,
  path,
  state,
  summary,
  record,
  annotations,
}: ActionResult): string {
  // What stands in the log to be masked is what the runner does not show.
  const log = stdout.split('\n').filter((line) => !line.startsWith('::add-mask::'));
  return JSON.stringify([log, stderr, outputs, env, path, state, summary, record, annotations]);
}

const spellings = () => [
  token,
  encoded,
  Buffer.from(`${user}:${token}`).toString('base64'),
  JSON.stringify(token).slice(1, -1),
];

describe('a private index', () => {
  test('is read with its credentials, which stand nowhere', async () => {
    await write({ 'requirements.txt': 'ours==1.0\nsix==1.16.0\n' });
    const { PATH, log } = windows ? { PATH: process.env.PATH ?? '', log: '' } : await recordingUv();
    const result = await setUp({ inputs: inputs(), env: { PATH } });
    expect(await installed(result)).toEqual(['ours==1.0', 'six==1.16.0']);
    expect(index.served).toContain('/wheels/ours-1.0-py3-none-any.whl');
    const argv = windows ? '' : await readFile(log, 'utf8');
    if (!windows) expect(argv).toContain('pip install');
    for (const secret of spellings()) {
      expect(result.masks).toContain(secret);
      expect(leftBehind(result)).not.toContain(secret);
      expect(argv).not.toContain(secret);
    }
    // Later steps get no credentials, and no file with them is left.
    expect(Object.keys(result.env).filter((name) => /NETRC|INDEX|RATTLER/.test(name))).toEqual([]);
    for (const file of JSON.parse(result.state.credentials ?? '[]')) expect(existsSync(file)).toBe(false);
  });

  test('with a name in pyproject.toml, for a lock', async () => {
    await write({
      'pyproject.toml': `[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["ours==1.0"]
[[tool.uv.index]]
name = "our-index"
url = "${index.url}/simple"
explicit = true
[tool.uv.sources]
ours = { index = "our-index" }
`,
    });
    const lock = await command('lock');
    expect(lock).toContain(`${index.url}/simple`);
    const env = { UV_CACHE_DIR: join(workspace, 'cache') };
    const result = await setUp({ env, inputs: { 'index-credentials': `our-index=${user}:${token}` } });
    expect(await installed(result)).toEqual(['ours==1.0']);
    for (const secret of spellings()) expect(leftBehind(result)).not.toContain(secret);
    const without = errorOf(
      await setUp({ env: { UV_CACHE_DIR: join(workspace, 'other') }, inputs: { venv: '.other' } }),
    );
    expect(without?.message).toContain('no credentials were given for it');
  });

  /** Writes uv.lock as someone who may read the index. */
  async function command(...args: string[]): Promise<string> {
    const before = { ...process.env };
    Object.assign(process.env, { UV_INDEX_OUR_INDEX_USERNAME: user, UV_INDEX_OUR_INDEX_PASSWORD: token });
    try {
      await runUv(...args);
    } finally {
      process.env = before;
    }
    return readFile(join(workspace, 'uv.lock'), 'utf8');
  }

  test("an interrupted step's files are removed at the end of the job", async () => {
    await write({ 'requirements.txt': 'six==1.16.0\n' });
    const result = await setUp({ inputs: inputs() });
    const [netrc = ''] = JSON.parse(result.state.credentials ?? '[]');
    await writeFile(netrc, 'machine x login y password z\n');
    const post = await finishJob(result, {});
    expect(post.exitCode).toBe(0);
    expect(existsSync(netrc)).toBe(false);
  });
});

describe('what is refused says which index and which input', () => {
  const shown = (message: string | undefined) => message?.replaceAll(host(), 'HOST');

  test.each<[string, string | undefined, RegExp]>([
    [
      'without credentials',
      undefined,
      /^http:\/\/HOST\/simple refused the request \(401\): no credentials were given for it\nPass them in the input 'index-credentials' from a secret, as 'https:\/\/user:token@HOST', or check that the address is right\./,
    ],
    [
      'with wrong ones',
      'http://robot:Wr0ngToken@HOST',
      /^http:\/\/HOST\/simple refused the request \(401\): it does not accept the credentials that it was given\nCheck user and token for HOST in the input 'index-credentials'/,
    ],
    [
      'with those of somebody who may not',
      'http://stranger:Wr0ngToken@HOST',
      /^http:\/\/HOST\/simple refused the request \(403\): the credentials that it was given may not read this\n/,
    ],
  ])('%s', async (_, given, message) => {
    await write({ 'requirements.txt': '# Not on the public index.\nours==1.0\n' });
    const result = await setUp({
      inputs: {
        'extra-index-urls': `${index.url}/simple`,
        ...(given && { 'index-credentials': given.replace('HOST', host()) }),
      },
      env: { UV_CACHE_DIR: join(workspace, 'cache') },
    });
    const error = errorOf(result);
    expect(shown(error?.message)).toMatch(message);
    expect(error).toMatchObject({ file: 'requirements.txt', line: 2 });
    expect(leftBehind(result)).not.toContain('Wr0ngToken');
  });

  test.each([
    ['not-an-address', /line 1: it is neither an address nor name=user:token/],
    ['# ours\nhttps://token-without-host.invalid/simple', /line 2: the address has neither user nor token/],
    ['x=a:S3cret with space', /line 1: user or token contain a space/],
    ['https://a:S3cret@h.invalid\nhttps://b:S3cret@h.invalid/x', /there are two lines for h\.invalid/],
    ['https://S3cret@h.invalid', /for h\.invalid there is a token without a user/],
  ])('index-credentials %j', async (given, message) => {
    await write({ 'requirements.txt': 'six==1.16.0\n' });
    const result = await setUp({ inputs: { 'index-credentials': given } });
    expect(errorOf(result)?.message).toMatch(message);
    expect(leftBehind(result)).not.toContain('S3cret');
  });

  test('an address with credentials in another input', async () => {
    await write({ 'requirements.txt': 'six==1.16.0\n' });
    const result = await setUp({ inputs: { 'index-url': 'https://a:S3cret@h.invalid/simple' } });
    expect(errorOf(result)?.message).toMatch(
      /^input index-url: an address with user or token does not belong here\nPass them in the input 'index-credentials'/,
    );
    expect(result.masks).toContain('S3cret');
    expect(leftBehind(result)).not.toContain('S3cret');
  });
});

describe.skipIf(windows)('a private channel', () => {
  const environment = () => `channels: [${index.url}/files]\ndependencies: [python, six]\n`;
  const manifest = () =>
    `[workspace]\nchannels = ["${index.url}/files"]\nplatforms = ["${subdir}"]\n[dependencies]\npython = "*"\nsix = "*"\n`;

  test.each([
    ['micromamba', 'environment.yml', environment, 'NETRC'],
    ['pixi', 'pixi.toml', manifest, 'RATTLER_AUTH_FILE'],
  ] as const)('of %s', async (tool, file, text, variable) => {
    await write({ [file]: text() });
    const { env, calls } = await standIns(join(root, `private-${tool}`), tool);
    const result = await setUp({ env, inputs: { 'index-credentials': credentials() } });
    expect(result.annotations.filter(({ level }) => level === 'error')).toEqual([]);
    expect(result.exitCode).toBe(0);
    const made = (await calls()).filter(({ args }) => args.length > 1);
    for (const { args, env: seen, modes } of made) {
      expect(modes[variable]).toBe('600');
      for (const secret of spellings()) {
        expect(args.join(' ')).not.toContain(secret);
        expect(Object.values(seen).join(' ')).not.toContain(secret);
      }
    }
    for (const secret of spellings()) expect(leftBehind(result)).not.toContain(secret);
    for (const path of JSON.parse(result.state.credentials ?? '[]')) {
      expect(dirname(path)).toContain('mlops');
      expect(existsSync(path)).toBe(false);
    }
  });

  test('without credentials says which input', async () => {
    await write({ 'environment.yml': environment() });
    const { env } = await standIns(join(root, 'private-none'), 'micromamba');
    const error = errorOf(await setUp({ env }));
    expect(error?.message).toMatch(
      /refused the request \(401\): no credentials were given[\s\S]*'index-credentials'/,
    );
  });
});

test('a token that Pipfile.lock takes from a variable stands in no argument', async () => {
  const wheel = await readFile(join(wheels, 'ours-1.0-py3-none-any.whl'));
  const sha256 = createHash('sha256').update(wheel).digest('hex');
  const source = {
    name: 'ours',
    url: `http://\${INDEX_USER}:\${INDEX_TOKEN}@${host()}/simple`,
    verify_ssl: true,
  };
  await write({
    'Pipfile.lock': JSON.stringify({
      _meta: { sources: [source] },
      default: { ours: { version: '==1.0', hashes: [`sha256:${sha256}`] } },
    }),
  });
  const { PATH, log } = windows ? { PATH: process.env.PATH ?? '', log: '' } : await recordingUv();
  const env = { PATH, INDEX_USER: encodeURIComponent(user), INDEX_TOKEN: encoded };
  const result = await setUp({ env: { ...env, UV_CACHE_DIR: join(workspace, 'cache') } });
  expect(await installed(result)).toEqual(['ours==1.0']);
  const argv = windows ? '' : await readFile(log, 'utf8');
  for (const secret of [token, encoded]) {
    expect(result.masks).toContain(secret);
    expect(argv).not.toContain(secret);
    expect(leftBehind(result)).not.toContain(secret);
  }
});
