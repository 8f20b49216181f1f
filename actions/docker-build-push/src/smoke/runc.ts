import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import { freePort } from '@mlops/smoke/server';
import { type Container, type Ending, type Start, startAdvice } from './container.ts';
import { folderInRoot } from './in-root.ts';
import { isFree } from './port.ts';
import { runcConfig } from './runc-config.ts';
import { unpackLayers } from './unpack.ts';
import { parseUser } from './user.ts';

/** Why runc cannot be used here, to stand behind a colon; undefined where it can. */
export async function whyNoRunc(signal: AbortSignal): Promise<string | undefined> {
  if (process.platform !== 'linux') return `runc is for Linux, not ${process.platform}`;
  if (process.getuid?.() !== 0) return 'runc takes root';
  const works = await command('runc', ['--version'], { signal }).then(
    () => true,
    () => false,
  );
  signal.throwIfAborted();
  return works ? undefined : 'there is no runc on PATH';
}

/**
 * Starts the image in a container on this machine's network, without any daemon. It is told by `$HOST` and `$PORT`
 * where to listen: on its own port, if that is free here.
 */
export async function startWithRunc(start: Start): Promise<Container> {
  const folder = await mkdtemp(join(tmpdir(), 'mlops-smoke-'));
  try {
    const port = (await isFree(start.port)) ? start.port : await freePort();
    await writeBundle(folder, port, start);
    return run(folder, port, start);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function writeBundle(folder: string, port: number, start: Start): Promise<void> {
  const { image, limits, signal } = start;
  const root = join(folder, 'rootfs');
  await mkdir(root, { mode: 0o755 });
  await unpackLayers(image.layers, root, signal);
  const read = async (path: string) => readFile(folderInRoot(root, path), 'utf8').catch(() => ''); // Images of one program have none.
  const user = parseUser(image.config.User ?? '', await read('etc/passwd'), await read('etc/group'));
  const config = runcConfig({
    ...{ config: image.config, user, limits, cgroupsPath: cgroupOf(folder), hasSwap: await hasSwap() },
    env: { HOST: '127.0.0.1', PORT: String(port), ...start.env },
  });
  // Only root may read what the environment says, which may be secret.
  await writeFile(join(folder, 'config.json'), JSON.stringify(config), { mode: 0o600 });
}

function run(folder: string, port: number, { onLine }: Start): Container {
  const name = basename(folder);
  const log = join(folder, 'runc.log');
  const options = ['--root', join(folder, 'state'), '--log', log, '--log-format', 'json'];
  const running = command('runc', [...options, 'run', '--keep', '--bundle', folder, name], {
    tolerate: true,
    onLine,
  });
  const ended = running.then(async ({ exitCode }): Promise<Ending> => {
    const problem = await problemIn(log);
    if (problem !== undefined)
      throw new UserError(`runc could not start the image: ${problem}`, {
        advice: startAdvice,
      });
    return { exitCode };
  });
  ended.catch(() => {}); // Whoever waits for it hears of it.
  return {
    url: `http://127.0.0.1:${port}`,
    ended,
    isOutOfMemory: () => hadToKill(cgroupOf(folder)),
    async remove() {
      await command('runc', [...options, 'delete', '--force', name], { tolerate: true });
      await running;
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** What runc itself has to complain about; it ends like the container otherwise. */
async function problemIn(log: string): Promise<string | undefined> {
  const lines = (await readFile(log, 'utf8').catch(() => '')).split('\n').filter(Boolean);
  const entries = lines.map((line) => JSON.parse(line) as { level: string; msg: string });
  return entries.find(({ level }) => level === 'error' || level === 'fatal')?.msg;
}

function cgroupOf(folder: string): string {
  return `/${basename(folder)}`;
}

/** Both versions of control groups count it. */
async function hadToKill(cgroup: string): Promise<boolean> {
  const files = [
    `/sys/fs/cgroup/memory${cgroup}/memory.oom_control`,
    `/sys/fs/cgroup${cgroup}/memory.events`,
  ];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.some((text) => Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0);
}

/** Its first line is a heading. */
async function hasSwap(): Promise<boolean> {
  const text = await readFile('/proc/swaps', 'utf8').catch(() => '');
  return text.trim().split('\n').length > 1;
}
