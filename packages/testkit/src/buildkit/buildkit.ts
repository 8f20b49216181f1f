import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { command } from '@mlops/core/process';
import { tool } from '@mlops/tools';
import type { Limits } from './cgroup.ts';
import { startDaemon } from './daemon.ts';

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
  const socket = join(folder, 'buildkitd.sock');
  const config = join(folder, 'buildkitd.toml');
  const daemon = await startDaemon({
    // It waits for its builds, and nobody for those of a test that is over.
    ...{ folder, socket, limits, graceMs: 2000 },
    commandLine: async (cgroup) => {
      await writeFile(config, daemonConfig({ folder, socket, runc, cgroupParent: cgroup?.path, ...options }));
      return [program, '--config', config];
    },
  });
  try {
    const env = await configureBuildx(folder, buildx, socket);
    return { address: `unix://${socket}`, env, ...daemon };
  } catch (error) {
    await daemon.close();
    throw error;
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
