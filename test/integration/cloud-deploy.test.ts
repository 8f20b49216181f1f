import { readdir, readFile, readlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fakeRunner } from '@mlops/testkit/runner-files';
import { describe, expect, it, vi } from 'vitest';
import { startService } from '../../packages/core/test/store-service.ts';
import {
  digestOf,
  fileEntries,
  manifestEntry,
  writePackage,
  writeTar,
} from '../../packages/model-package/test/packages.ts';
import {
  defaults,
  deploy,
  deployed,
  folderOf,
  freePort,
  type Inputs,
  isAlive,
  kill,
  type Model,
  packageOf,
  pids,
  predict,
  root,
  run,
  servers,
  serveScript,
  startLoad,
  state,
} from './cloud-deploy-host.ts';

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

  it('names the deployment that has the port already', async () => {
    const { outputs } = await deploy({ label: 'a' }, { environment: 'staging' });
    const port = new URL(outputs.url ?? '').port;
    const result = await deploy({ label: 'a' }, { environment: 'production', port });
    expect(result.annotations[0]?.message).toMatch(
      new RegExp(`port ${port} of 127.0.0.1 is in use by the deployment 'staging.demo'[^]*'environments:'`),
    );
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
    [{}, /there is no package/],
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
