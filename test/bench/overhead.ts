import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { waitFor } from '@mlops/core';
import { command } from '@mlops/core/process';
import { startEngine, temporaryRepository } from '@mlops/testkit/engine';
import { tool } from '@mlops/tools';
import { type Bench, interleave, measured, seconds } from './bench.ts';
import { releaseTree, root } from './release.ts';

const example = join(root, 'examples', 'tabular-sklearn');

/**
 * What the pipeline costs over its scripts: seconds from a push to the end of the run, with empty caches, against an
 * environment, the four stages, and the service started and asked by hand. Both install from the same warm package
 * cache and ask for the same prediction.
 */
const bench: Bench = {
  name: 'overhead',
  async *measures({ quick }) {
    const tree = await releaseTree();
    const folder = await mkdtemp(join(tmpdir(), 'bench-overhead-'));
    const uv = await tool('uv');
    const port = await freePort();
    const env = {
      HOME: join(folder, 'home'),
      UV_CACHE_DIR: join(folder, 'uv'),
      PATH: `${dirname(uv)}:${process.env.PATH}`,
    };
    const repository = await temporaryRepository(example, { origin: true });
    try {
      const pipeline = async () => {
        const engine = await startEngine({
          releaseTree: tree.folder,
          slug: tree.slug,
          refs: [`v${tree.version}`, 'v1'],
        });
        try {
          return await seconds(async () => {
            const run = await engine.run({
              repository: repository.path,
              workflow: 'ml.yml',
              env: { HOME: env.HOME, UV_CACHE_DIR: env.UV_CACHE_DIR },
            });
            if (!run.success) throw new Error(`the pipeline failed:\n${run.log}`);
          });
        } finally {
          await engine.close();
          await stop(tree.folder, repository.path, env.HOME);
          await rm(env.HOME, { recursive: true, force: true });
        }
      };
      const byHand = () => runByHand(folder, port, env);
      await byHand(); // Fills the package cache.
      const figures = await interleave(pipeline, byHand, { rounds: quick ? 1 : 3 });
      yield measured({
        bench: 'overhead',
        name: 'push to served model',
        unit: 's',
        peerName: 'by hand',
        goal: null,
        ...figures,
      });
    } finally {
      await repository.close();
      await rm(folder, { recursive: true, force: true });
      await rm(dirname(tree.folder), { recursive: true, force: true });
    }
  },
};
export default bench;

async function runByHand(folder: string, port: number, env: Record<string, string>): Promise<number> {
  const copy = join(folder, 'by-hand');
  await cp(example, copy, { recursive: true });
  try {
    return await seconds(async () => {
      const run = (program: string, ...args: string[]) => command(program, args, { cwd: copy, env });
      await run('uv', 'venv', '--quiet', '.venv');
      await run('uv', 'pip', 'install', '--quiet', '--require-hashes', '-r', 'requirements.txt');
      for (const stage of ['data', 'features', 'train', 'evaluate'])
        await run('.venv/bin/python', '-m', `tumor.${stage}`);
      await serveOnce(copy, port, env);
    });
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function serveOnce(cwd: string, port: number, env: Record<string, string>): Promise<void> {
  const server = spawn('.venv/bin/python', ['-m', 'tumor.serve'], {
    cwd,
    env: { ...process.env, ...env, PORT: String(port) },
    stdio: 'ignore',
  });
  const ended = new Promise((resolve) => server.once('close', resolve));
  try {
    const healthy = () =>
      fetch(`http://127.0.0.1:${port}/health`).then(
        ({ ok }) => (ok ? true : undefined),
        () => undefined,
      );
    await waitFor(healthy, { what: 'the service to start', deadlineMs: 60_000, everyMs: 50 });
  } finally {
    server.kill();
    await ended;
  }
}

async function stop(tree: string, workspace: string, home: string): Promise<void> {
  await command(process.execPath, [join(tree, 'actions', 'cloud-deploy', 'dist', 'index.js')], {
    cwd: workspace,
    env: {
      HOME: home,
      GITHUB_WORKSPACE: workspace,
      RUNNER_TEMP: join(home, 'tmp'),
      INPUT_COMMAND: 'stop',
      INPUT_ENVIRONMENT: 'staging',
    },
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
