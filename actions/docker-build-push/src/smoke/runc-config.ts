import { UserError } from '@mlops/core';
import type { Limits } from './container.ts';
import type { ImageConfig } from './oci-layout.ts';
import type { User } from './user.ts';

export interface RuncConfig {
  config: ImageConfig;
  user: User;
  /** On top of the image's. */
  env: Record<string, string>;
  limits: Limits;
  cgroupsPath: string;
  /** Whether memory may be swapped out here, so that the limit has to cover that, too. */
  hasSwap: boolean;
}

/** As in Docker, whose images may take them for given; `$PATH` alone is found by everything. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What an entrypoint that is started as root may need to prepare files and to become somebody else. */
const capabilitiesOfRoot = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'KILL',
  'NET_BIND_SERVICE',
  'SETGID',
  'SETUID',
];
/** Docker lets everybody listen on ports below 1024. */
const capabilitiesOfOthers = ['NET_BIND_SERVICE'];

/**
 * A container for runc that is started as the image says: less may be done in it than in one of Docker's, its file
 * system is its own, and its network is this machine's.
 * https://github.com/opencontainers/runtime-spec/blob/v1.0.2/config.md
 */
export function runcConfig({ config, user, env, limits, cgroupsPath, hasSwap }: RuncConfig): object {
  const names = (user.uid === 0 ? capabilitiesOfRoot : capabilitiesOfOthers).map((name) => `CAP_${name}`);
  return {
    ociVersion: '1.0.2',
    hostname: 'smoke-test',
    root: { path: 'rootfs' },
    process: {
      terminal: false,
      user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
      args: argumentsOf(config),
      env: environmentOf(config, user, env),
      cwd: config.WorkingDir || '/',
      noNewPrivileges: true,
      capabilities: {
        bounding: names,
        effective: names,
        permitted: names,
        ...(user.uid !== 0 && { inheritable: names, ambient: names }),
      },
    },
    mounts,
    linux: {
      cgroupsPath,
      resources: {
        devices: [{ allow: false, access: 'rwm' }], // But those that every container has.
        memory: { limit: limits.memoryBytes, ...(hasSwap && { swap: limits.memoryBytes }) },
        pids: { limit: limits.pids },
        cpu: { period: 100_000, quota: Math.round(limits.cpus * 100_000) },
      },
      namespaces: ['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })),
      maskedPaths: hidden,
      readonlyPaths: ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].map((name) => `/proc/${name}`),
    },
  };
}

function argumentsOf({ Entrypoint, Cmd }: ImageConfig): string[] {
  const args = [...(Entrypoint ?? []), ...(Cmd ?? [])];
  if (args.length) return args;
  throw new UserError('the image says no command to start: it has neither ENTRYPOINT nor CMD', {
    advice: "Add one to the Dockerfile, or set 'smoke-test: never' for an image that serves nothing.",
  });
}

function environmentOf({ Env }: ImageConfig, { home }: User, env: Record<string, string>): string[] {
  const ofImage = Object.fromEntries(
    (Env ?? []).map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]),
  );
  const all = { PATH: defaultPath, HOME: home, HOSTNAME: 'smoke-test', ...ofImage, ...env };
  return Object.entries(all).map(([name, value]) => `${name}=${value}`);
}

const temporary = ['nosuid', 'strictatime', 'mode=755', 'size=65536k'];
const safe = ['nosuid', 'noexec', 'nodev'];

const mounts = [
  { destination: '/proc', type: 'proc', source: 'proc', options: safe },
  { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: temporary },
  {
    destination: '/dev/pts',
    type: 'devpts',
    source: 'devpts',
    options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
  },
  {
    destination: '/dev/shm',
    type: 'tmpfs',
    source: 'shm',
    options: [...safe, 'mode=1777', 'size=65536k'],
  },
  { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: safe },
  { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...safe, 'ro'] },
  // Names are resolved as on this machine, whose network it is.
  ...['/etc/resolv.conf', '/etc/hosts'].map((path) => ({
    ...{ destination: path, type: 'bind', source: path, options: ['bind', 'ro', ...safe] },
  })),
];

const hidden = [
  ...[
    'acpi',
    'asound',
    'kcore',
    'keys',
    'latency_stats',
    'scsi',
    'timer_list',
    'timer_stats',
    'sched_debug',
  ].map((name) => `/proc/${name}`),
  '/sys/firmware',
];
