import { randomFillSync } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '@mlops/core/process';
import { startOciProxy, startOciRegistry } from '@mlops/testkit/oci';
import { tool } from '@mlops/tools';
import { build } from 'esbuild';
import { type Bench, type Goal, interleave, measured, seconds } from './bench.ts';
import { cpuSeconds } from './cpu.ts';

const noMore: Goal = { op: '<=', value: 1, of: 'ratio' };
/** Bytes of requests' bodies: manifests at most. */
const nothing: Goal = { op: '<=', value: 10_000, of: 'ours' };

/** How a side pushes the folder: a program with its arguments. */
type Push = (host: string) => [program: string, ...args: string[]];

/**
 * A model of four shards and some small files, 2 GB in all (`quick`: 200 MB, of which starting Node takes a good part),
 * pushed to an empty registry on this machine (`cold`), and once more (`again`), as processes of their own: seconds,
 * CPU seconds, and the bytes that the second push sends. CPU seconds have no goal: oras has the kernel pass files to
 * the network, which Node cannot. The peers are oras's own program, which is three times as fast as its Python package,
 * and skopeo, which is given the model as an OCI layout, made and hashed before the clock runs.
 */
const bench: Bench = {
  name: 'model-push',
  async *measures({ quick }) {
    const folder = await mkdtemp(join(tmpdir(), 'bench-model-push-'));
    try {
      const model = join(folder, 'model');
      await writeModel(model, quick ? 200e6 : 2e9);
      const names = await readdir(model);
      const oras = await tool('oras');
      const bundle = await bundled(join(folder, 'push.mjs'));
      const ours: Push = (host) => [process.execPath, bundle, host, model];
      const peer: Push = (host) => [oras, 'push', '--plain-http', '--no-tty', `${host}/model:v1`, ...names];
      const layout = join(folder, 'layout');
      await command(oras, ['push', '--oci-layout', '--no-tty', `${layout}:v1`, ...names], { cwd: model });
      const skopeo = await tool('skopeo');
      const other: Push = (host) =>
        [
          ...[skopeo, '--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false'],
          ...[`oci:${layout}:v1`, `docker://${host}/model:v1`],
        ] as [string, ...string[]];
      const rounds = quick ? 3 : 5;
      yield measured({
        ...{ bench: 'model-push', name: 'cold', unit: 's', peerName: 'skopeo', goal: noMore },
        ...(await interleave(
          () => cold(ours, model),
          () => cold(other, model),
          { rounds },
        )),
      });
      for (const [name, unit, figure, goal] of [
        ['cold', 's', cold, noMore],
        ['cold: CPU', 'CPU s', coldCpu, null],
        ['again', 's', again, noMore],
      ] as const)
        yield measured({
          ...{ bench: 'model-push', name, unit, peerName: 'oras', goal },
          ...(await interleave(
            () => figure(ours, model),
            () => figure(peer, model),
            { rounds },
          )),
        });
      yield measured({
        ...{ bench: 'model-push', name: 'again: sent', unit: 'bytes', peerName: 'oras', goal: nothing },
        ...{ ours: await sentAgain(ours, model), peer: await sentAgain(peer, model) },
      });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
export default bench;

/** The push as a program in one file, as actions are. */
async function bundled(file: string): Promise<string> {
  await build({
    stdin: { contents: program, resolveDir: import.meta.dirname, loader: 'ts' },
    ...{ bundle: true, minify: true, platform: 'node', format: 'esm', outfile: file, logLevel: 'error' },
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  return file;
}

const program = `
  import { Registry } from '@mlops/oci';
  import { packAndPushModel } from '@mlops/oci/model';
  const [host, folder] = process.argv.slice(2);
  await packAndPushModel(new Registry(host).repository('model'), folder, 'v1');
`;

async function cold(push: Push, cwd: string): Promise<number> {
  return withRegistry((host) => seconds(() => run(push, host, cwd)));
}

async function coldCpu(push: Push, cwd: string): Promise<number> {
  return withRegistry((host) => {
    const [program, ...args] = push(host);
    return cpuSeconds(program, args, { cwd });
  });
}

async function again(push: Push, cwd: string): Promise<number> {
  return withRegistry(async (host) => {
    await run(push, host, cwd);
    return seconds(() => run(push, host, cwd));
  });
}

async function sentAgain(push: Push, cwd: string): Promise<number> {
  return withRegistry(async (host) => {
    await run(push, host, cwd);
    const proxy = await startOciProxy(host);
    try {
      await run(push, proxy.host, cwd);
      return proxy.requests.reduce((sum, { bytes }) => sum + bytes, 0);
    } finally {
      await proxy.close();
    }
  });
}

async function run(push: Push, host: string, cwd: string): Promise<void> {
  const [program, ...args] = push(host);
  await command(program, args, { cwd });
}

async function withRegistry<T>(use: (host: string) => Promise<T>): Promise<T> {
  const registry = await startOciRegistry();
  try {
    return await use(registry.host);
  } finally {
    await registry.close();
  }
}

async function writeModel(folder: string, bytes: number): Promise<void> {
  await mkdir(folder, { recursive: true });
  const small = { 'config.json': 1000, 'tokenizer.json': 2_000_000, 'README.md': 5000 };
  const shards = Array.from({ length: 4 }, (_, i) => [`model-${i}.safetensors`, bytes / 4] as const);
  for (const [name, size] of [...shards, ...Object.entries(small)])
    await writeRandom(join(folder, name), size);
}

async function writeRandom(file: string, size: number): Promise<void> {
  const handle = await open(file, 'w');
  const part = Buffer.alloc(8 * 1024 * 1024);
  for (let left = size; left > 0; left -= part.length)
    await handle.write(randomFillSync(part).subarray(0, Math.min(left, part.length)));
  await handle.close();
}
