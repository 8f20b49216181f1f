import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, readlink, realpath, rm, writeFile } from 'node:fs/promises';
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@mlops/core';
import { type ActionResult, fakeRunner, runAction } from '@mlops/testkit/runner-files';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { locked } from '../../actions/cloud-deploy/src/targets/host/lock.ts';
import { identify } from '../../actions/cloud-deploy/src/targets/host/processes.ts';
import {
  digestOf,
  fileEntries,
  manifestEntry,
  writePackage,
  writeTar,
} from '../../actions/cloud-deploy/test/packages.ts';
import { startService } from '../../packages/core/test/store-service.ts';

const action = join(import.meta.dirname, '../../actions/cloud-deploy');

/** A model server whose behaviour is the model. */
const serveScript = `
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
const { label, health = 200, dies, hangs, refusesProxies, slowMs = 0 } = JSON.parse(readFileSync('model.json'));
if (dies) { console.error('cannot load the model: ' + dies); process.exit(3); }
const server = createServer(async (request, response) => {
  const proxied = request.headers['x-forwarded-for'] !== undefined;
  if (request.url === '/health') { response.statusCode = refusesProxies && proxied ? 403 : health; return response.end(); }
  let body = '';
  for await (const chunk of request) body += chunk;
  const wait = Number(new URL(request.url, 'http://x').searchParams.get('ms') ?? slowMs);
  await new Promise((resolve) => setTimeout(resolve, wait));
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ label, body, revision: process.env.MLOPS_REVISION, modelDigest: process.env.MLOPS_MODEL_DIGEST, host: process.env.HOST, tracking: process.env.RUNNER_TRACKING_ID ?? null, token: process.env.GITHUB_TOKEN ?? null, key: process.env.API_KEY ?? null }));
});
if (!hangs) server.listen(Number(process.env.PORT), process.env.HOST);
setInterval(() => {}, 1000);
process.on('SIGTERM', () => process.exit(0));
`;

interface Model {
  label: string;
  health?: number;
  dies?: string;
  hangs?: boolean;
  refusesProxies?: boolean;
  slowMs?: number;
}

interface State {
  live: { revision: string; port: number; process: { pid: number } } | null;
  starting: { process: { pid: number } } | null;
  retiring: { process: { pid: number } }[];
  history: string[];
}

let root: string;
let releases: string;
const results: ActionResult[] = [];
const children: ChildProcess[] = [];
const servers: Server[] = [];

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'deploy-')));
  releases = join(root, 'deployments');
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const server of servers.splice(0)) server.close();
  for (const pid of await pids()) kill(pid);
  for (const result of results.splice(0)) await result.runner.remove();
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
});

/** Every process that a deployment of this test names. */
async function pids(): Promise<number[]> {
  const found: number[] = [];
  const files = existsSync(releases) ? await readdir(releases, { recursive: true }) : [];
  for (const file of files) {
    if (/front-\d+\.json$/.test(file)) found.push((await json<{ pid: number }>(join(releases, file))).pid);
    if (basename(file) !== 'state.json') continue;
    const { live, starting, retiring } = await json<State>(join(releases, file));
    for (const instance of [live, starting, ...retiring]) if (instance) found.push(instance.process.pid);
  }
  return found;
}

function kill(pid: number): void {
  for (const target of process.platform === 'win32' ? [pid] : [-pid, pid])
    try {
      process.kill(target, 'SIGKILL');
    } catch {
      // It has ended.
    }
}

async function json<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(file, 'utf8')) as T;
}

function folderOf(environment = 'default'): string {
  return join(releases, environment, 'demo');
}

function state(): Promise<State> {
  return json<State>(join(folderOf(), 'state.json'));
}

let packages = 0;
function packageOf(model: Model): Promise<string> {
  const files = { 'model.json': JSON.stringify(model), 'serve.mjs': serveScript };
  return writePackage(join(root, `${packages++}.tar`), files);
}

const defaults = {
  target: 'host',
  serve: `exec '${process.execPath}' serve.mjs`,
  port: 0,
  'health-timeout': '20s',
};

type Inputs = Record<string, string | number | boolean>;

function inputsOf(inputs: Inputs): Inputs {
  return { ...defaults, 'releases-path': releases, ...inputs };
}

async function run(inputs: Inputs, env: Record<string, string | undefined> = {}): Promise<ActionResult> {
  const result = await runAction(action, { inputs: inputsOf(inputs), env });
  results.push(result);
  return result;
}

async function deploy(
  model: Model,
  inputs: Inputs = {},
  env: Record<string, string> = {},
): Promise<ActionResult> {
  return run({ package: await packageOf(model), ...inputs }, env);
}

async function deployed(model: Model, inputs: Inputs = {}): Promise<ActionResult> {
  const result = await deploy(model, inputs);
  expect(result.annotations).toEqual([]);
  expect(result.exitCode).toBe(0);
  return result;
}

/** An action that can be killed. */
async function start(model: Model, inputs: Inputs = {}): Promise<ChildProcess> {
  const { env } = await fakeRunner({ inputs: inputsOf({ package: await packageOf(model), ...inputs }) });
  const child = spawn(process.execPath, [join(action, 'src/main.ts')], { env, stdio: 'ignore' });
  children.push(child);
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

interface Reply {
  status: number;
  revision: string | undefined;
  json: Record<string, unknown>;
}

function predict(url: string, path = '/predict', agent?: Agent, body = 'x'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    request(
      `${url}${path}`,
      { method: 'POST', timeout: 20_000, ...(agent ? { agent } : {}) },
      async (response) => {
        try {
          let text = '';
          for await (const chunk of response) text += chunk;
          const revision = response.headers['x-mlops-revision'];
          resolve({
            status: response.statusCode ?? 0,
            revision: revision?.toString(),
            json: JSON.parse(text),
          });
        } catch (error) {
          reject(error);
        }
      },
    )
      .on('error', reject)
      .end(body);
  });
}

async function isAlive(pid: number | undefined): Promise<boolean> {
  return pid !== undefined && (await identify(pid)) !== undefined;
}

async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  await waitFor(async () => ((await condition()) ? true : undefined), {
    what,
    deadlineMs: 20_000,
    everyMs: 20,
  });
}

describe('a first deployment', () => {
  it('serves at the stable URL, outlives the job, and tells all about it', async () => {
    const model = { label: 'first' };
    const result = await deploy(
      model,
      { smoke: '[{ path: /predict, json: { x: 1 }, expect: { status: 200, json: { label: first } } }]' },
      { RUNNER_TRACKING_ID: 'github_1', GITHUB_TOKEN: 'ghs_secret', API_KEY: 'of the step' },
    );
    expect(result.annotations).toEqual([]);
    const { url = '', revision = '' } = result.outputs;
    expect(result.outputs).toEqual({
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      revision: expect.stringMatching(/^[0-9a-f]{12}$/),
      'previous-revision': '',
      outcome: 'deployed',
      'rolled-back': 'false',
      'deployment-path': folderOf(),
      reason: '',
    });
    const reply = await predict(url);
    expect(reply).toEqual({
      status: 200,
      revision,
      json: {
        label: 'first',
        body: 'x',
        revision,
        modelDigest: digestOf(JSON.stringify(model)),
        host: '127.0.0.1',
        tracking: null,
        token: null,
        key: 'of the step',
      },
    });
    expect(basename(await readlink(join(folderOf(), 'current')))).toBe(revision);
    expect(result.record?.deployments).toEqual([
      expect.objectContaining({
        target: 'host',
        environment: 'default',
        outcome: 'deployed',
        revision,
        previousRevision: null,
        url,
        modelDigest: digestOf(JSON.stringify(model)),
        smoke: [expect.objectContaining({ request: 'POST /predict', status: 200, passed: true })],
        reason: null,
      }),
    ]);
    expect(result.summary).toContain('Deployment to default: deployed');
    expect(result.summary).toContain('POST /predict');
  });

  it('runs the install script once in the unpacked package, and the server there', async () => {
    const python =
      'import http.server as h, os\nclass H(h.SimpleHTTPRequestHandler): pass\nh.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), H).serve_forever()\n';
    const archive = await writePackage(join(root, 'py.tar'), { 'model.json': '{}', 'app/serve.py': python });
    const inputs = {
      package: archive,
      install: 'echo installing $MLOPS_REVISION; echo made > health; echo x >> installs',
      serve: 'python3 app/serve.py',
      smoke: '[{ path: /model.json, expect: { json: {} } }]',
    };
    const result = await run(inputs);
    expect(result.annotations).toEqual([]);
    expect(result.stdout).toContain(`installing ${result.outputs.revision}`);
    process.kill((await state()).live?.process.pid ?? 0, 'SIGKILL');
    kill((await state()).live?.process.pid ?? 0);
    const again = await run(inputs);
    expect(again.outputs).toMatchObject({ outcome: 'deployed', revision: result.outputs.revision ?? '' });
    expect(await readFile(join(folderOf(), 'current/app/installs'), 'utf8')).toBe('x\n');
  });

  it.each([
    [
      'dies',
      { label: 'a', dies: 'no weights' },
      '10m',
      /cannot serve: its process ended \(exit code 3\)[\s\S]*cannot load the model: no weights/,
    ],
    [
      'never listens',
      { label: 'a', hangs: true },
      '1s',
      /not healthy within 1 s \(the last try failed: .*ECONNREFUSED/,
    ],
    [
      'is not healthy',
      { label: 'a', health: 500 },
      '1s',
      /not healthy within 1 s \(the last answer had status 500\)/,
    ],
  ])('of a model that %s leaves nothing running', async (_, model: Model, timeout, message) => {
    const result = await deploy(model, { 'health-timeout': timeout });
    expect(result.exitCode).toBe(1);
    expect(result.annotations).toEqual([
      expect.objectContaining({ level: 'error', message: expect.stringMatching(message) }),
    ]);
    expect(result.outputs).toMatchObject({ outcome: 'failed', 'rolled-back': 'false' });
    expect(result.outputs.reason).toMatch(message);
    expect(result.record?.deployments).toMatchObject([{ outcome: 'failed' }]);
    expect(await pids()).toEqual([]);
    expect(await readdir(join(folderOf(), 'releases'))).toEqual([]);
    expect(result.outputs.url).toBe('');
  });

  it('that cannot be installed shows the script and its words', async () => {
    const result = await deploy({ label: 'a' }, { install: 'echo "no such package" >&2; exit 4' });
    expect(result.annotations[0]?.message).toMatch(
      /cannot be installed: .*exit code 4[\s\S]*no such package/,
    );
    expect(result.outputs.outcome).toBe('failed');
    expect(await pids()).toEqual([]);
  });

  it('finds that another program has the port before it installs anything', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    servers.push(other);
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as AddressInfo;
    const result = await deploy({ label: 'a' }, { port, install: 'echo installing' });
    expect(result.annotations[0]?.message).toMatch(new RegExp(`port ${port} of 127.0.0.1 is in use`));
    expect(result.stdout).not.toContain('installing');
    expect(await pids()).toEqual([]);
  });
});

describe('a further deployment', () => {
  it('of what serves already changes nothing', async () => {
    const archive = await packageOf({ label: 'a' });
    const first = await run({ package: archive });
    const before = await state();
    const again = await run({ package: archive });
    expect(again.outputs).toEqual({
      ...first.outputs,
      outcome: 'unchanged',
      'previous-revision': first.outputs.revision,
    });
    expect(again.stdout).toContain('Unchanged');
    expect(await state()).toEqual(before);
    const served = await run({ package: archive, serve: `true; ${defaults.serve}` });
    expect(served.outputs.outcome).toBe('deployed');
    expect(served.outputs.revision).not.toBe(first.outputs.revision);
  });

  it.each([
    ['dies', { label: 'b', dies: 'of itself' }, { 'health-timeout': '10m' }, /process ended/],
    ['is never healthy', { label: 'b', health: 503 }, { 'health-timeout': '1s' }, /status 503/],
    [
      'answers wrongly',
      { label: 'b' },
      {
        smoke: '[{ path: /predict, json: {}, expect: { json: { label: a } } }, { path: /predict, json: {} }]',
      },
      /failed 1 of 2 smoke requests:\n {2}POST \/predict: json.label: expected "a", got "b"/,
    ],
    ['refuses proxies', { label: 'b', refusesProxies: true }, {}, /not at the stable URL/],
  ])(
    'of a model that %s leaves the old one serving all the time',
    async (_, model: Model, inputs: Inputs, message) => {
      const first = await deployed({ label: 'a' });
      const { url = '', revision = '' } = first.outputs;
      const before = await state();
      const load = startLoad(url);
      const result = await deploy(model, inputs);
      const { failures } = await load.stop();
      expect(failures).toEqual([]);
      expect(result.exitCode).toBe(1);
      expect(result.outputs).toMatchObject({
        outcome: 'rolled-back',
        'rolled-back': 'true',
        'previous-revision': revision,
        url,
      });
      expect(result.outputs.reason).toMatch(message);
      expect(result.annotations.at(-1)?.message).toContain(`rolled back to ${revision}`);
      expect(result.record?.deployments).toMatchObject([
        { outcome: 'rolled-back', previousRevision: revision },
      ]);
      expect(await predict(url)).toMatchObject({ status: 200, revision, json: { label: 'a' } });
      expect(await state()).toEqual(before);
      expect(basename(await readlink(join(folderOf(), 'current')))).toBe(revision);
      expect(await readdir(join(folderOf(), 'releases'))).toEqual([revision]);
    },
  );

  it('drops no request, switch after switch', async () => {
    const { url = '' } = (await deployed({ label: '0', slowMs: 20 })).outputs;
    const load = startLoad(url);
    const revisions: (string | undefined)[] = [];
    for (let n = 1; n <= 6; n++) {
      const { outputs } = await deployed({ label: String(n), slowMs: 20 });
      revisions.push(outputs.revision);
      expect(outputs.url).toBe(url);
    }
    const { requests, failures, seen } = await load.stop();
    console.log(`${requests} requests during ${revisions.length} switches, ${failures.length} failed`);
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(100);
    expect([...seen]).toEqual(expect.arrayContaining(revisions.slice(0, -1)));
    expect((await predict(url)).json.label).toBe('6');
  });

  it('lets a request under way on the old release finish, up to drain-timeout', async () => {
    const { url = '', revision } = (await deployed({ label: 'a' })).outputs;
    const old = (await state()).live?.process.pid;
    const slow = predict(url, '/predict?ms=3000');
    const second = await deployed({ label: 'b' });
    expect(await slow).toMatchObject({ status: 200, revision, json: { label: 'a' } });
    expect(await isAlive(old)).toBe(false);

    const endless = predict(url, '/predict?ms=600000').catch((error: Error) => error);
    await sleep(50);
    const third = await deploy({ label: 'c' }, { 'drain-timeout': '200ms' });
    expect(third.annotations).toEqual([
      expect.objectContaining({
        level: 'warning',
        message: expect.stringMatching(`1 requests to ${second.outputs.revision} were cut off`),
      }),
    ]);
    expect(third.exitCode).toBe(0);
    const cut = await endless;
    expect(cut instanceof Error || cut.status === 502).toBe(true);
  });

  it('at another port moves the stable URL; the old address serves until then', async () => {
    const first = await deployed({ label: 'a' });
    const port = await freePort();
    const second = await deployed({ label: 'b' }, { port });
    expect(second.outputs.url).toBe(`http://127.0.0.1:${port}`);
    expect((await predict(second.outputs.url ?? '')).json.label).toBe('b');
    await expect(predict(first.outputs.url ?? '')).rejects.toThrow('ECONNREFUSED');
    const failed = await deploy({ label: 'c', dies: 'x' }, { port: await freePort() });
    expect(failed.outputs).toMatchObject({ outcome: 'rolled-back', url: second.outputs.url });
    expect((await predict(second.outputs.url ?? '')).json.label).toBe('b');
    expect((await readdir(folderOf())).filter((file) => /^front-\d/.test(file))).toEqual([
      `front-${port}.json`,
    ]);
  });

  it('at another address of the same port listens there', async () => {
    const first = await deployed({ label: 'a' });
    const second = await deployed({ label: 'b' }, { host: 'localhost' });
    expect(second.outputs.url).toBe(first.outputs.url?.replace('127.0.0.1', 'localhost'));
    expect((await predict(second.outputs.url ?? '')).json.label).toBe('b');
  });

  it('keeps as many releases as it is told, and leaves other environments alone', async () => {
    const elsewhere = await deployed({ label: 'z' }, { environment: 'staging' });
    const revisions: string[] = [];
    for (const label of ['a', 'b', 'c', 'd'])
      revisions.push((await deployed({ label }, { 'keep-releases': 2 })).outputs.revision ?? '');
    expect((await readdir(join(folderOf(), 'releases'))).sort()).toEqual(revisions.slice(2).sort());
    expect((await state()).history).toEqual(revisions.slice(2).reverse());
    expect((await predict(elsewhere.outputs.url ?? '')).json.label).toBe('z');
    expect(elsewhere.outputs['deployment-path']).toBe(folderOf('staging'));
  });
});

describe('rollback and stop', () => {
  it('goes back release by release, as long as there is one', async () => {
    const revisions: (string | undefined)[] = [];
    for (const label of ['a', 'b', 'c']) revisions.push((await deployed({ label })).outputs.revision);
    const load = startLoad((await deployed({ label: 'c' })).outputs.url ?? '');
    const back = await run({ command: 'rollback' });
    expect(back.outputs).toMatchObject({
      outcome: 'deployed',
      revision: revisions[1],
      'previous-revision': revisions[2],
    });
    const further = await run({ command: 'rollback', name: 'demo' });
    expect(further.outputs).toMatchObject({ outcome: 'deployed', revision: revisions[0] });
    expect((await load.stop()).failures).toEqual([]);
    expect((await predict(further.outputs.url ?? '')).json.label).toBe('a');
    const end = await run({ command: 'rollback' });
    expect(end.exitCode).toBe(1);
    expect(end.annotations[0]?.message).toMatch(/no release to go back to: '\w+' is the oldest/);
    expect((await predict(further.outputs.url ?? '')).json.label).toBe('a');
  });

  it('stops everything, and a later deployment serves again at the same URL', async () => {
    const { url = '' } = (await deployed({ label: 'a' })).outputs;
    const running = await pids();
    const stopped = await run({ command: 'stop' });
    expect(stopped.outputs).toMatchObject({ outcome: 'stopped' });
    for (const pid of running) expect(await isAlive(pid)).toBe(false);
    await expect(predict(url)).rejects.toThrow('ECONNREFUSED');
    const again = await deployed({ label: 'a' });
    expect(again.outputs).toMatchObject({ url, 'previous-revision': '' });
  });

  it('asks which deployment is meant', async () => {
    expect((await run({ command: 'rollback' })).annotations[0]?.message).toMatch(/which deployment is meant/);
    await deployed({ label: 'a' });
    expect((await run({ command: 'stop', name: 'dmeo' })).annotations[0]?.message).toMatch(
      /no deployment 'dmeo' in .*\nThere are: demo\./,
    );
  });
});

describe('after a deployment that was killed', () => {
  it('while its release was starting, the next one ends that and deploys', async () => {
    const { url = '', revision } = (await deployed({ label: 'a' })).outputs;
    const child = await start({ label: 'b', hangs: true });
    await until(async () => (await state()).starting !== null, 'the start of b');
    const orphan = (await state()).starting?.process.pid;
    await killed(child);
    expect(await isAlive(orphan)).toBe(true);
    expect(await predict(url)).toMatchObject({ status: 200, revision });
    const next = await deployed({ label: 'c' });
    expect(next.outputs).toMatchObject({ url, 'previous-revision': revision });
    expect(await isAlive(orphan)).toBe(false);
    expect((await predict(url)).json.label).toBe('c');
    expect((await readdir(join(folderOf(), 'releases'))).length).toBe(2);
  });

  it('at the first deployment, the next one ends its front, too', async () => {
    const port = await freePort();
    const child = await start({ label: 'a', hangs: true }, { port });
    await until(
      async () => existsSync(join(folderOf(), 'state.json')) && (await state()).starting !== null,
      'the start of a',
    );
    await killed(child);
    const result = await deployed({ label: 'b' }, { port });
    expect((await predict(result.outputs.url ?? '')).json.label).toBe('b');
  });

  it('while the old release was draining, the new one stays live and the old one is ended', async () => {
    const { url = '' } = (await deployed({ label: 'a' })).outputs;
    const old = (await state()).live?.process.pid;
    const slow = predict(url, '/predict?ms=600000').catch(() => undefined);
    const child = await start({ label: 'b' }, { 'drain-timeout': '10m' });
    await until(async () => (await state()).retiring.length > 0, 'the switch to b');
    await until(async () => (await predict(url)).json.label === 'b', 'b at the stable URL');
    await killed(child);
    expect(await isAlive(old)).toBe(true);
    const archive = join(root, `${packages - 1}.tar`);
    const again = await run({ package: archive });
    expect(again.outputs.outcome).toBe('unchanged');
    expect(await isAlive(old)).toBe(false);
    expect((await predict(url)).json.label).toBe('b');
    await slow;
  });

  it('or by a reboot, which ends every process, it all starts again', async () => {
    const { url = '', revision } = (await deployed({ label: 'a' })).outputs;
    for (const pid of await pids()) kill(pid);
    const again = await run({ package: join(root, `${packages - 1}.tar`), install: '' });
    expect(again.outputs).toMatchObject({ outcome: 'deployed', revision, url });
    expect((await predict(url)).json.label).toBe('a');
  });

  it('or cancelled, nothing of it is left', async () => {
    const { url = '', revision } = (await deployed({ label: 'a' })).outputs;
    const before = await state();
    const cancel = new AbortController();
    const running = runAction(action, {
      inputs: inputsOf({ package: await packageOf({ label: 'b', hangs: true }) }),
      signal: cancel.signal,
    });
    await until(async () => (await state()).starting !== null, 'the start of b');
    const candidate = (await state()).starting?.process.pid;
    cancel.abort();
    const result = await running;
    results.push(result);
    expect(result.outputs).toMatchObject({ outcome: 'rolled-back', 'previous-revision': revision });
    expect(await isAlive(candidate)).toBe(false);
    expect(await state()).toEqual(before);
    expect((await predict(url)).json.label).toBe('a');
  });
});

describe('the lock', () => {
  it('refuses a second deployment at once, and only to the same place', async () => {
    await locked(folderOf(), async () => {
      const second = await deploy({ label: 'a' });
      expect(second.annotations[0]?.message).toMatch(
        new RegExp(`another deployment to this folder is under way \\(process ${process.pid}, since `),
      );
      await deployed({ label: 'a' }, { environment: 'staging' });
    });
    await deployed({ label: 'a' });
  });

  it('does not count when its holder is gone, or its pid belongs to another process', async () => {
    await deployed({ label: 'a' });
    await writeFile(
      join(folderOf(), 'lock'),
      JSON.stringify({ pid: process.pid, started: 'long ago', since: 'then' }),
    );
    await deployed({ label: 'b' });
  });
});

describe('the package', () => {
  it('is downloaded when it is an artifact; a wrong name gets suggestions', async () => {
    const service = await startService();
    try {
      const runner = await fakeRunner();
      const stored = await writePackage(join(runner.workspace, 'tumor-package.tar'), {
        'model.json': JSON.stringify({ label: 'stored' }),
        'serve.mjs': serveScript,
      });
      await inEnvironment({ ...service.env, GITHUB_WORKSPACE: runner.workspace }, async () => {
        const { artifactStore } = await import('@mlops/core/store');
        await artifactStore().save('tumor-package', runner.workspace, [basename(stored)]);
        await writeFile(join(runner.workspace, 'notes.txt'), 'x');
        await artifactStore().save('notes', runner.workspace, ['notes.txt']);
      });
      const env = { ...service.env, GITHUB_SERVER_URL: 'https://github.com' };
      const result = await run({ artifact: 'tumor-package' }, env);
      expect(result.annotations).toEqual([]);
      expect((await predict(result.outputs.url ?? '')).json.label).toBe('stored');
      const wrong = await run({ artifact: 'tumor-packge' }, env);
      expect(wrong.annotations[0]?.message).toMatch(
        /no artifact named 'tumor-packge'\nDid you mean 'tumor-package'\?/,
      );
      const other = await run({ artifact: 'notes' }, env);
      expect(other.annotations[0]?.message).toMatch(/'notes' holds 0 archives \(.tar\) instead of one/);
      await runner.remove();
    } finally {
      await service.close();
    }
  });

  it('is refused when it is damaged or wants to leave its folder; what serves is not touched', async () => {
    const { url = '' } = (await deployed({ label: 'a' })).outputs;
    const before = await state();
    const good = { 'model.json': JSON.stringify({ label: 'b' }), 'serve.mjs': serveScript };
    const damaged = await writeTar(join(root, 'damaged.tar'), [
      manifestEntry(good),
      ...fileEntries({ ...good, 'model.json': JSON.stringify({ label: 'c' }) }),
    ]);
    const result = await run({ package: damaged });
    expect(result.outputs).toMatchObject({ outcome: 'failed' });
    expect(result.annotations[0]?.message).toMatch(/'model.json' has the digest/);
    const evil = { ...good, '../../../evil': 'x' };
    const leaving = await writeTar(join(root, 'evil.tar'), [manifestEntry(evil), ...fileEntries(evil)]);
    expect((await run({ package: leaving })).annotations[0]?.message).toMatch(
      /mlops-package.json is not valid/,
    );
    expect(await state()).toEqual(before);
    expect((await predict(url)).json.label).toBe('a');
  });

  it.each([
    [{ package: 'a.tar', artifact: 'b' }, /both 'package' \(a.tar\) and 'artifact' \(b\)/],
    [{}, /there is nothing to deploy/],
    [{ package: 'nothing.tar' }, /there is no package at '.*nothing.tar'/],
    [{ package: 'a.tar', serve: '' }, /the input 'serve' is missing/],
  ])('named by %j is refused', async (inputs: Inputs, message) => {
    const result = await run(inputs);
    expect(result.exitCode).toBe(1);
    expect(result.annotations).toEqual([
      expect.objectContaining({ message: expect.stringMatching(message) }),
    ]);
    expect(result.outputs).toMatchObject({ outcome: 'failed', reason: expect.stringMatching(message) });
  });

  it('gives no folder outside of releases-path', async () => {
    const result = await deploy({ label: 'a' }, { name: '..' });
    expect(result.annotations[0]?.message).toMatch(/the name '..' cannot be the name of a folder/);
  });
});

interface Load {
  /** Ends it, after what is under way is answered. */
  stop(): Promise<{ requests: number; failures: string[]; seen: Set<string | undefined> }>;
}

/** Eight clients that ask again and again, half of them on connections that stay open. */
function startLoad(url: string): Load {
  const stopped = new AbortController();
  const seen = new Set<string | undefined>();
  const failures: string[] = [];
  let requests = 0;
  const agent = new Agent({ keepAlive: true });
  const client = async (id: number) => {
    const body = `${id}`.repeat(10_000);
    while (!stopped.signal.aborted && requests < 50_000) {
      requests += 1;
      try {
        const reply = await predict(url, '/predict', id % 2 ? agent : undefined, body);
        seen.add(reply.revision);
        if (reply.status !== 200 || reply.json.body !== body || reply.json.revision !== reply.revision)
          failures.push(`status ${reply.status} from ${reply.revision}`);
      } catch (error) {
        failures.push(String(error));
      }
      await sleep(5);
    }
  };
  const clients = Promise.all(Array.from({ length: 8 }, (_, id) => client(id)));
  return {
    async stop() {
      stopped.abort();
      await clients;
      agent.destroy();
      return { requests, failures, seen };
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function inEnvironment(env: Record<string, string>, fn: () => Promise<void>): Promise<void> {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const quiet = vi.spyOn(process.stdout, 'write').mockReturnValue(true); // The client reports to the runner's log.
  try {
    await fn();
  } finally {
    quiet.mockRestore();
    vi.unstubAllEnvs();
  }
}
