import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UserError } from '@mlops/core';
import { CommandError, command } from '@mlops/core/process';
import { pack } from 'tar-stream';
import { type Container, type Ending, type Start, startAdvice } from './container.ts';
import type { StoredImage } from './oci-layout.ts';

/** Why Docker cannot be used here, to stand behind a colon; undefined where it can. */
export async function whyNoDocker(signal: AbortSignal): Promise<string | undefined> {
  try {
    const { stdout } = await command('docker', ['version', '--format', '{{.Server.Os}}'], { signal });
    return stdout.trim() === 'linux' ? undefined : `Docker runs containers of ${stdout.trim()} here`;
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof CommandError ? 'no Docker daemon answers' : 'there is no docker on PATH';
  }
}

/** Starts the image in a container of its own network; it is removed from Docker with the container. */
export async function startWithDocker(start: Start): Promise<Container> {
  const { image, port, signal, onLine } = start;
  const name = `mlops-smoke-${randomBytes(6).toString('hex')}`;
  const folder = await mkdtemp(join(tmpdir(), 'mlops-smoke-'));
  let logs: Promise<unknown> | undefined;
  const remove = async () => {
    await command('docker', ['rm', '--force', '--volumes', name], { tolerate: true });
    await logs;
    await command('docker', ['image', 'rm', '--force', name], { tolerate: true });
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await load(image, name, signal);
    const envFile = join(folder, 'env');
    await writeFile(envFile, environmentFile({ HOST: '0.0.0.0', PORT: String(port), ...start.env }), {
      mode: 0o600,
    });
    await command('docker', runArguments(name, envFile, start), { signal }).catch((error: unknown) => {
      throw error instanceof CommandError ? notStarted(error) : error;
    });
    logs = command('docker', ['logs', '--follow', name], { tolerate: true, onLine });
    const ended = command('docker', ['wait', name], { tolerate: true }).then(
      async ({ stdout, exitCode }): Promise<Ending> => {
        await logs;
        return { exitCode: exitCode === 0 ? Number(stdout.trim()) : null };
      },
    );
    return {
      url: await addressOf(name, port, signal),
      ended,
      isOutOfMemory: () => wasOutOfMemory(name),
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

function notStarted(error: CommandError): UserError {
  return new UserError(`Docker could not start the image: ${error.result.stderrTail.join('\n').trim()}`, {
    cause: error,
    advice: startAdvice,
  });
}

/** Secrets stay out of the argument list, which every process of the machine can read. */
function environmentFile(env: Record<string, string>): string {
  return Object.entries(env)
    .map(([name, value]) => {
      if (!value.includes('\n')) return `${name}=${value}\n`;
      throw new UserError(`the variable ${name} for the smoke test has more than one line`, {
        advice: 'Give it on one line; Docker takes no other.',
      });
    })
    .join('');
}

function runArguments(name: string, envFile: string, { port, limits }: Start): string[] {
  const { memoryBytes, pids, cpus } = limits;
  const capabilities = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'NET_BIND_SERVICE', 'SETGID', 'SETUID'];
  return [
    ...['run', '--detach', '--pull=never', `--name=${name}`, `--env-file=${envFile}`],
    ...[`--memory=${memoryBytes}`, `--memory-swap=${memoryBytes}`, `--pids-limit=${pids}`, `--cpus=${cpus}`],
    ...['--cap-drop=ALL', ...capabilities.map((capability) => `--cap-add=${capability}`)],
    ...['--security-opt=no-new-privileges', `--publish=127.0.0.1::${port}`, name],
  ];
}

/** `127.0.0.1:49153`, of which there may be one for each version of IP. */
async function addressOf(name: string, port: number, signal: AbortSignal): Promise<string> {
  const { stdout } = await command('docker', ['port', name, `${port}/tcp`], { signal, tolerate: true });
  const [address] = stdout.split('\n');
  // One that has ended has no port any more; how it ended is told by `ended`.
  return `http://${address?.trim() || '127.0.0.1:9'}`;
}

async function wasOutOfMemory(name: string): Promise<boolean> {
  const { stdout } = await command('docker', ['inspect', '--format', '{{.State.OOMKilled}}', name], {
    tolerate: true,
  });
  return stdout.trim() === 'true';
}

/**
 * Gives the image to Docker in the form of `docker save`, which every version takes with every image store; OCI layouts
 * it takes only with containerd's. Layers go as they are, and nothing is written to disk but by Docker.
 */
async function load(image: StoredImage, tag: string, signal: AbortSignal): Promise<void> {
  const child = spawn('docker', ['load', '--quiet'], { stdio: ['pipe', 'ignore', 'pipe'], signal });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = `${said}${chunk}`.slice(-2000);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const archive = pack();
  const sent = pipeline(archive, child.stdin, { signal }).catch(() => {}); // Why it stopped reading, it says itself.
  const fill = async () => {
    const config = 'config.json';
    const layers = image.layers.map((_, index) => `${index}.tar`);
    await addFile(archive, config, image.configFile);
    for (const [index, layer] of image.layers.entries()) await addFile(archive, layers[index] ?? '', layer);
    const manifest = JSON.stringify([{ Config: config, RepoTags: [`${tag}:latest`], Layers: layers }]);
    archive.entry({ name: 'manifest.json' }, manifest);
    archive.finalize();
  };
  const exitCode = await Promise.race([ended, fill().then(() => ended)]);
  signal.throwIfAborted();
  await sent;
  if (exitCode === 0) return;
  throw new UserError(`Docker did not take the image (docker load ended with ${exitCode}): ${said.trim()}`, {
    advice: 'Check the space that Docker has left; it takes layers compressed with zstd from version 23 on.',
  });
}

async function addFile(archive: ReturnType<typeof pack>, name: string, path: string): Promise<void> {
  const { size } = await stat(path);
  await pipeline(createReadStream(path), archive.entry({ name, size }));
}
