import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '@mlops/core';
import { type ActionResult, type FakeRunner, fakeRunner, runAction } from '@mlops/testkit/runner-files';
import { afterEach, beforeEach, expect } from 'vitest';
import { identify } from '../../actions/cloud-deploy/src/targets/host/processes.ts';
import { writePackage } from '../../packages/model-package/test/packages.ts';

/** Deployments to this machine in a folder of the test, whose processes end with the test. */

export const action = join(import.meta.dirname, '../../actions/cloud-deploy');

/** A model server whose behaviour is the model. */
export const serveScript = `
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

export interface Model {
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

export let root: string;
export let releases: string;
export const results: ActionResult[] = [];
const runners: FakeRunner[] = [];
const children: ChildProcess[] = [];
export const servers: Server[] = [];

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'deploy-')));
  releases = join(root, 'deployments');
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const server of servers.splice(0)) server.close();
  for (const pid of await pids()) kill(pid);
  for (const runner of [...runners.splice(0), ...results.splice(0).map(({ runner }) => runner)])
    await runner.remove();
  await rm(root, { recursive: true, force: true, maxRetries: 5 });
});

/** Every process that a deployment of this test names. */
export async function pids(): Promise<number[]> {
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

export function kill(pid: number): void {
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

export function folderOf(environment = 'default'): string {
  return join(releases, environment, 'demo');
}

export function state(): Promise<State> {
  return json<State>(join(folderOf(), 'state.json'));
}

let packages = 0;

/** The package that was made last. */
export function lastPackage(): string {
  return join(root, `${packages - 1}.tar`);
}

export function packageOf(model: Model): Promise<string> {
  const files = { 'model.json': JSON.stringify(model), 'serve.mjs': serveScript };
  return writePackage(join(root, `${packages++}.tar`), files);
}

export const defaults = {
  target: 'host',
  serve: `exec '${process.execPath}' serve.mjs`,
  port: 0,
  'health-timeout': '20s',
};

export type Inputs = Record<string, string | number | boolean>;

export function inputsOf(inputs: Inputs): Inputs {
  return { ...defaults, 'releases-path': releases, ...inputs };
}

export async function run(
  inputs: Inputs,
  env: Record<string, string | undefined> = {},
): Promise<ActionResult> {
  const result = await runAction(action, { inputs: inputsOf(inputs), env });
  results.push(result);
  return result;
}

export async function deploy(
  model: Model,
  inputs: Inputs = {},
  env: Record<string, string> = {},
): Promise<ActionResult> {
  return run({ package: await packageOf(model), ...inputs }, env);
}

export async function deployed(model: Model, inputs: Inputs = {}): Promise<ActionResult> {
  const result = await deploy(model, inputs);
  expect(result.annotations).toEqual([]);
  expect(result.exitCode).toBe(0);
  return result;
}

/** An action that can be killed. */
export async function start(model: Model, inputs: Inputs = {}): Promise<ChildProcess> {
  const runner = await fakeRunner({ inputs: inputsOf({ package: await packageOf(model), ...inputs }) });
  runners.push(runner);
  const child = spawn(process.execPath, [join(action, 'src/main.ts')], { env: runner.env, stdio: 'ignore' });
  children.push(child);
  return child;
}

export async function killed(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

interface Reply {
  status: number;
  revision: string | undefined;
  json: Record<string, unknown>;
}

export function predict(url: string, path = '/predict', agent?: Agent, body = 'x'): Promise<Reply> {
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

export async function isAlive(pid: number | undefined): Promise<boolean> {
  return pid !== undefined && (await identify(pid)) !== undefined;
}

export async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  await waitFor(async () => ((await condition()) ? true : undefined), {
    what,
    deadlineMs: 20_000,
    everyMs: 20,
  });
}

export interface Load {
  /** Ends it, after what is under way is answered. */
  stop(): Promise<{ requests: number; failures: string[]; seen: Set<string | undefined> }>;
}

/** Eight clients that ask again and again, half of them on connections that stay open. */
export function startLoad(url: string): Load {
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

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
