import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { waitFor } from '@mlops/core';
import { command } from '@mlops/core/process';
import { tool } from '@mlops/tools';
import { createCgroup, type Limits } from './cgroup.ts';

export interface BuildKitOptions {
  /** `host:port` of a registry that is asked first for what is Docker's (`FROM python:…`), over plain http. */
  mirror?: string;
  /** Further registries, `host:port`, that are spoken to over plain http; those on the loopback interface are anyway. */
  plainHttp?: readonly string[];
  /** Of the daemon and all that it builds. Default: 4 GiB and 1,000 processes. */
  limits?: Partial<Limits>;
}

/** A real BuildKit daemon of its own. What `RUN` starts is on this machine's network. */
export interface BuildKit {
  /** `unix:///…` */
  address: string;
  /** What the daemon has said so far. */
  log(): Promise<string>;
  /**
   * The environment in which `buildx …` and, where there is a docker, `docker buildx …` have this daemon as their
   * builder: PATH, and configuration folders that are nobody else's.
   */
  env: { PATH: string; DOCKER_CONFIG: string; BUILDX_CONFIG: string; BUILDX_BUILDER: string };
  close(): Promise<void>;
}

/** Starts the daemon in a temporary folder; built on first use, see @mlops/tools. Takes root on Linux. */
export async function startBuildKit(options: BuildKitOptions = {}): Promise<BuildKit> {
  const [program, runc, buildx] = await Promise.all([tool('buildkitd'), tool('runc'), tool('buildx')]);
  const folder = await mkdtemp(join(tmpdir(), 'buildkit-'));
  const limits = { memoryBytes: 4 * 2 ** 30, pids: 1000, ...options.limits };
  const cgroup = await createCgroup(basename(folder), limits);
  const socket = join(folder, 'buildkitd.sock');
  const config = join(folder, 'buildkitd.toml');
  await writeFile(config, daemonConfig({ folder, socket, runc, cgroupParent: cgroup?.path, ...options }));
  const log = join(folder, 'log');
  const output = await open(log, 'w');
  const child = spawn(program, ['--config', config], {
    stdio: ['ignore', output.fd, output.fd],
    // Where there is no group with limits, Go at least gives back what it can.
    env: { ...process.env, GOMEMLIMIT: String(Math.floor(limits.memoryBytes / 2)) },
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once('close', () => resolve());
    child.once('error', reject);
  });
  ended.catch(() => {});
  // A test runner that is ended takes the daemon along.
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const close = async () => {
    process.removeListener('exit', kill);
    await stop(child, ended);
    await output.close();
    await cgroup?.close();
    await unmountBelow(folder);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    if (child.pid !== undefined) await cgroup?.add(child.pid);
    await answered(socket, ended);
    const env = await configureBuildx(folder, buildx, socket);
    return { address: `unix://${socket}`, log: () => readFile(log, 'utf8'), env, close };
  } catch (error) {
    const said = await readFile(log, 'utf8').catch(() => '');
    await close();
    throw new Error(`BuildKit did not start:\n${said.slice(-4000)}`, { cause: error });
  }
}

interface DaemonConfig {
  folder: string;
  socket: string;
  runc: string;
  cgroupParent: string | undefined;
  mirror?: string;
  plainHttp?: readonly string[];
}

/** https://github.com/moby/buildkit/blob/v0.34.2/docs/buildkitd.toml.md */
function daemonConfig({ folder, socket, runc, cgroupParent, mirror, plainHttp = [] }: DaemonConfig): string {
  const text = (value: string) => JSON.stringify(value);
  const registries = [...plainHttp, ...(mirror ? [mirror] : [])].flatMap((host) => [
    `[registry.${text(host)}]`,
    'http = true',
  ]);
  return [
    `root = ${text(join(folder, 'root'))}`,
    'insecure-entitlements = ["network.host"]',
    '[grpc]',
    `address = [${text(`unix://${socket}`)}]`,
    '[worker.containerd]',
    'enabled = false',
    '[worker.oci]',
    'enabled = true',
    `binary = ${text(runc)}`,
    'snapshotter = "auto"',
    'networkMode = "host"',
    'gc = false',
    ...(cgroupParent ? [`defaultCgroupParent = ${text(cgroupParent)}`] : []),
    ...registries,
    ...(mirror ? ['[registry."docker.io"]', `mirrors = [${text(mirror)}]`] : []),
    '',
  ].join('\n');
}

async function answered(socket: string, ended: Promise<void>): Promise<void> {
  const look = () =>
    new Promise<true | undefined>((resolve) => {
      const connection = connect(socket, () => resolve(true)).once('error', () => resolve(undefined));
      connection.once('connect', () => connection.destroy());
    });
  const early = ended.then(() => {
    throw new Error('the daemon has ended');
  });
  await Promise.race([waitFor(look, { what: "BuildKit's socket", deadlineMs: 30_000, everyMs: 20 }), early]);
}

async function configureBuildx(folder: string, buildx: string, socket: string): Promise<BuildKit['env']> {
  const bin = join(folder, 'bin');
  const docker = join(folder, 'docker');
  const state = join(folder, 'buildx');
  for (const path of [bin, join(docker, 'cli-plugins'), state]) await mkdir(path, { recursive: true });
  await symlink(buildx, join(bin, 'buildx'));
  await symlink(buildx, join(docker, 'cli-plugins', 'docker-buildx'));
  const env = {
    PATH: [bin, process.env.PATH].join(delimiter),
    DOCKER_CONFIG: docker,
    BUILDX_CONFIG: state,
    BUILDX_BUILDER: basename(folder),
  };
  const create = ['create', '--name', env.BUILDX_BUILDER, '--driver', 'remote', `unix://${socket}`];
  await command(buildx, create, { env: { ...env, BUILDX_BUILDER: undefined } });
  await command(buildx, ['inspect', '--bootstrap', '--timeout', '30s'], { env });
  return env;
}

/** A daemon waits for its builds, and nobody for those of a test that is over; its group takes along what they run. */
async function stop(child: ReturnType<typeof spawn>, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 2000);
  await ended.catch(() => {}); // It never started.
  clearTimeout(late);
}

/** A daemon that was killed leaves the file systems of its builds mounted. */
async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const points = mounts
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${folder}/`));
  for (const point of points.reverse()) await command('umount', ['--lazy', point], { tolerate: true });
}
