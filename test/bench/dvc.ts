import { cp, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, normalize } from 'node:path';
import { command } from '@mlops/core/process';
import { fakeRunner } from '@mlops/testkit/runner-files';
import { tool } from '@mlops/tools';
import { type Bench, type Goal, measured, median } from './bench.ts';
import { cpuSeconds } from './cpu.ts';
import { releaseTree, root } from './release.ts';

const example = join(root, 'examples', 'dvc-pipeline');
const noMore: Goal = { op: '<=', value: 1, of: 'ratio' };

/** What a run took. */
interface Cost {
  /** Fetched from the remote. */
  bytes: number;
  cpu: number;
}

/**
 * examples/dvc-pipeline in a fresh clone: bytes fetched from the remote and CPU seconds, of the train action against
 * `dvc pull` and `dvc repro`. `first`: with an empty cache of ours; `unchanged`: once more; `one leaf`: a parameter
 * of the last stage has changed. The commands of the stages are the same on both sides.
 */
const bench: Bench = {
  name: 'dvc',
  async *measures({ quick }) {
    const folder = await mkdtemp(join(tmpdir(), 'bench-dvc-'));
    const tree = await releaseTree();
    const remote = await serveRemote(join(example, 'storage'));
    try {
      const origin = join(folder, 'origin');
      const env = await environment(folder);
      await makeOrigin(origin, remote.url, env);
      const bundle = join(tree.folder, 'actions', 'train', 'dist', 'index.js');
      const clone = async (edit: boolean) => {
        const target = await mkdtemp(join(folder, 'clone-'));
        await command('git', ['clone', '--quiet', origin, target], { env });
        if (edit) await edited(target);
        return target;
      };
      const measure = async (cwd: string, run: () => Promise<number>): Promise<Cost> => {
        remote.reset();
        const cpu = await run();
        const bytes = remote.bytes();
        await rm(cwd, { recursive: true, force: true });
        return { bytes, cpu };
      };
      const plain = async (edit: boolean) => {
        const cwd = await clone(edit);
        return measure(cwd, () => cpuSeconds('bash', ['-c', 'dvc pull -q && dvc repro'], { cwd, env }));
      };
      const train = async (edit: boolean, cache: string) => {
        const cwd = await clone(edit);
        return measure(cwd, () =>
          trained(bundle, cwd, { ...env, MLOPS_CACHE_DIR: cache, RUNNER_TOOL_CACHE: cache }),
        );
      };
      const rounds = quick ? 1 : 3;
      for (const [name, edit, isWarm] of [
        ['first run', false, false],
        ['unchanged', false, true],
        ['one leaf changed', true, true],
      ] as const) {
        const ours: Cost[] = [];
        const peer: Cost[] = [];
        for (let round = 0; round < rounds; round++) {
          const cache = await mkdtemp(join(folder, 'cache-'));
          if (isWarm) await train(false, cache);
          ours.push(await train(edit, cache));
          peer.push(await plain(edit));
        }
        const figure = (costs: Cost[], key: keyof Cost) => median(costs.map((cost) => cost[key]));
        for (const [key, unit] of [
          ['bytes', 'bytes'],
          ['cpu', 'CPU s'],
        ] as const)
          yield measured({
            ...{ bench: 'dvc', name: `${name}: ${key === 'bytes' ? 'fetched' : 'CPU'}`, unit, goal: noMore },
            ...{ ours: figure(ours, key), peer: figure(peer, key), peerName: 'pull + repro' },
          });
      }
    } finally {
      await remote.close();
      await rm(folder, { recursive: true, force: true });
      await rm(dirname(tree.folder), { recursive: true, force: true });
    }
  },
};
export default bench;

/** The example's own environment, with DVC in it, and nothing of this machine's settings. */
async function environment(folder: string): Promise<NodeJS.ProcessEnv> {
  const venv = join(folder, 'venv');
  const uv = await tool('uv');
  await command(uv, ['venv', '--quiet', venv]);
  const requirements = join(example, 'requirements.txt');
  await command(uv, ['pip', 'install', '--quiet', '--python', venv, '--require-hashes', '-r', requirements]);
  return {
    ...process.env,
    VIRTUAL_ENV: venv,
    PATH: `${join(venv, 'bin')}${delimiter}${process.env.PATH}`,
    ...{ DVC_NO_ANALYTICS: '1', DVC_GLOBAL_CONFIG_DIR: folder, DVC_SYSTEM_CONFIG_DIR: folder },
    // DVC's own memory of digests would not be there on a new runner.
    DVC_SITE_CACHE_DIR: join(folder, 'site'),
  };
}

/** The example as a repository whose remote is reached over HTTP, so that what is fetched can be counted. */
async function makeOrigin(origin: string, url: string, env: NodeJS.ProcessEnv): Promise<void> {
  await cp(example, origin, {
    recursive: true,
    filter: (path) => !/(storage|\.venv|__pycache__)$/.test(path),
  });
  const git = (...args: string[]) =>
    command('git', ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost', ...args], {
      cwd: origin,
      env,
    });
  await git('init', '--quiet', '--initial-branch=main');
  await command('dvc', ['remote', 'modify', '--quiet', 'storage', 'url', url], { cwd: origin, env });
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'Add the example');
}

async function edited(clone: string): Promise<void> {
  const path = join(clone, 'params.yaml');
  await command('sed', ['-i.before', 's/repeats: 5/repeats: 6/', path]);
}

async function trained(bundle: string, workspace: string, env: NodeJS.ProcessEnv): Promise<number> {
  const runner = await fakeRunner({ workspace, env });
  try {
    return await cpuSeconds(process.execPath, [bundle], {
      cwd: workspace,
      env: { ...runner.env, INPUT_MATRIX: 'null' },
    });
  } finally {
    await runner.remove();
  }
}

/** Serves a folder, and counts what is taken from it. */
async function serveRemote(
  folder: string,
): Promise<{ url: string; reset: () => void; bytes: () => number; close: () => Promise<void> }> {
  let sent = 0;
  const server: Server = createServer(async (request, response) => {
    const path = join(
      folder,
      normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname)),
    );
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) return response.writeHead(404).end();
    response.writeHead(200, { 'content-length': found.size });
    if (request.method === 'HEAD') return response.end();
    sent += found.size;
    response.end(await readFile(path));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    reset: () => {
      sent = 0;
    },
    bytes: () => sent,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
