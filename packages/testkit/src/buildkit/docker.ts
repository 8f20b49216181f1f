import { existsSync } from 'node:fs';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { waitFor } from '@mlops/core';
import { command } from '@mlops/core/process';
import { tool } from '@mlops/tools';
import { startDaemon } from './daemon.ts';

/** A Docker whose images and containers are nobody else's. */
export interface Docker {
  /** The environment in which `docker …` speaks to it. */
  env: { PATH: string; DOCKER_HOST: string; DOCKER_CONFIG: string };
  close(): Promise<void>;
}

/** Docker's own, which has to be this one for ports to be published. */
const bridge = 'docker0';

/**
 * Starts a real Docker daemon in a temporary folder, which changes neither the machine's firewall nor its forwarding:
 * its containers reach nothing but the machine, and the machine reaches the ports that they publish. Takes root on
 * Linux.
 *
 * @throws Error where the machine runs a Docker of its own, whose network it would take
 */
export async function startDocker(): Promise<Docker> {
  const turn = await takeTurn();
  try {
    const docker = await start();
    return {
      ...docker,
      async close() {
        await docker.close();
        turn.close();
      },
    };
  } catch (error) {
    turn.close();
    throw error;
  }
}

/**
 * Docker's network is the machine's, so that there is one at a time. An abstract name of a socket has one owner, and is
 * free again when its process ends, however it does.
 */
async function takeTurn(): Promise<Server> {
  return waitFor(
    () =>
      new Promise<Server | undefined>((resolve, reject) => {
        const server = createServer();
        server.once('error', (error: NodeJS.ErrnoException) =>
          error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
        );
        server.listen('\0mlops-test-docker', () => resolve(server));
      }),
    { what: 'the Docker of another test', deadlineMs: 600_000 },
  );
}

async function start(): Promise<Docker> {
  if (existsSync(`/sys/class/net/${bridge}`)) throw new Error(`another Docker has the network ${bridge}`);
  const program = await tool('dockerd');
  const runc = await tool('runc');
  const folder = await mkdtemp(join(tmpdir(), 'docker-'));
  const socket = join(folder, 'docker.sock');
  const config = join(folder, 'config');
  await mkdir(config);
  const binaries = [dirname(program), join(dirname(program), '..', 'bin'), dirname(runc)];
  const env = {
    PATH: [...binaries, process.env.PATH].join(delimiter),
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: config,
  };
  const folders = ['data-root', 'exec-root'].map((name) => `--${name}=${join(folder, name)}`);
  const asItIs = ['iptables', 'ip6tables', 'ip-forward', 'ip-masq'].map((what) => `--${what}=false`);
  const daemon = await startDaemon({
    ...{ folder, socket, env, graceMs: 15_000, limits: { memoryBytes: 4 * 2 ** 30, pids: 1000 } },
    commandLine: async (cgroup) => [
      ...([program, `--host=${env.DOCKER_HOST}`, `--pidfile=${join(folder, 'pid')}`] as const),
      ...[...folders, ...asItIs, '--bip=10.211.55.1/24', '--log-level=warn'],
      ...(cgroup ? [`--cgroup-parent=${cgroup.path}`] : []),
    ],
  });
  const close = async () => {
    await daemon.close();
    await command('ip', ['link', 'delete', bridge], { env: { PATH: `/usr/sbin:/sbin:${env.PATH}` } });
  };
  try {
    await command('docker', ['info'], { env });
  } catch (error) {
    await close();
    throw error;
  }
  return { env, close };
}
