import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Reads a small file of the kernel; undefined where there is none, or it may not be read. */
export function readKernelFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/** What a container may use of its machine, and what it uses. Without a limit there is nothing to tell. */
export interface Cgroup {
  /** The limit in cores, which may be a fraction, and the seconds that were used of them so far. */
  readonly cpu: { cores: number; usedSeconds: () => number | undefined } | undefined;
  /** The limit in bytes, and what is in use without the file cache that gives way. */
  readonly memory: { bytes: number; usedBytes: () => number | undefined } | undefined;
}

/**
 * The limits of this process's control group, of version 2 or 1, whichever the kernel has mounted. A limit of a group
 * above counts as well; the tightest one decides. `root` is the file system's root, for tests.
 */
export function cgroupOf(machine: { cores: number; memoryBytes: number }, root = '/'): Cgroup {
  const memberships = (readKernelFile(join(root, 'proc/self/cgroup')) ?? '').split('\n').map((line) => {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    return { controllers: controllers.split(','), path };
  });
  const mount = join(root, 'sys/fs/cgroup');
  const pathOf = (controller: string) =>
    memberships.find(({ controllers }) => controllers.includes(controller))?.path ?? '/';
  const isVersion2 = readKernelFile(join(mount, 'cgroup.controllers')) !== undefined;
  const version = isVersion2 ? version2 : version1;
  const folders = (controller: string) =>
    isVersion2 ? ancestors(mount, pathOf('')) : ancestors(join(mount, controller), pathOf(controller));

  const cpu = tightest(folders('cpu'), version.cores, machine.cores);
  const memory = tightest(folders('memory'), version.memoryBytes, machine.memoryBytes);
  const accounting = cpu && (isVersion2 ? cpu.folder : folders('cpuacct')[0]);
  return {
    cpu: cpu && { cores: cpu.limit, usedSeconds: () => version.cpuSeconds(accounting ?? cpu.folder) },
    memory: memory && { bytes: memory.limit, usedBytes: () => version.usedBytes(memory.folder) },
  };
}

/** A group's folder and those above it; inside a container the path may be that of the host, where only the mount is. */
function ancestors(mount: string, path: string): string[] {
  const folders: string[] = [];
  for (let at = path; at !== '/' && at !== '.' && at; at = dirname(at)) folders.push(join(mount, at));
  return [...folders, mount];
}

function tightest(
  folders: readonly string[],
  limitOf: (folder: string) => number | undefined,
  machine: number,
): { folder: string; limit: number } | undefined {
  let found: { folder: string; limit: number } | undefined;
  for (const folder of folders) {
    const limit = limitOf(folder);
    if (limit !== undefined && limit < (found?.limit ?? machine)) found = { folder, limit };
  }
  return found;
}

const version2 = {
  cores(folder: string): number | undefined {
    const [quota, period] = (readKernelFile(join(folder, 'cpu.max')) ?? '').trim().split(' ');
    return positive(Number(quota) / Number(period)); // `max 100000` where there is no limit
  },
  cpuSeconds: (folder: string) => scaled(field(join(folder, 'cpu.stat'), 'usage_usec'), 1e-6),
  memoryBytes: (folder: string) => number(join(folder, 'memory.max')),
  usedBytes: (folder: string) =>
    less(number(join(folder, 'memory.current')), field(join(folder, 'memory.stat'), 'inactive_file')),
};

const version1 = {
  cores(folder: string): number | undefined {
    const quota = number(join(folder, 'cpu.cfs_quota_us')); // -1 where there is no limit
    const period = number(join(folder, 'cpu.cfs_period_us'));
    return quota !== undefined && period !== undefined ? positive(quota / period) : undefined;
  },
  cpuSeconds: (folder: string) => scaled(number(join(folder, 'cpuacct.usage')), 1e-9),
  memoryBytes: (folder: string) => number(join(folder, 'memory.limit_in_bytes')),
  usedBytes: (folder: string) =>
    less(
      number(join(folder, 'memory.usage_in_bytes')),
      field(join(folder, 'memory.stat'), 'total_inactive_file'),
    ),
};

function number(path: string): number | undefined {
  const text = readKernelFile(path)?.trim();
  return text && /^-?\d+$/.test(text) ? Number(text) : undefined;
}

/** A value of a file with a name and a value a line. */
function field(path: string, name: string): number | undefined {
  const found = new RegExp(`^${name} (\\d+)$`, 'm').exec(readKernelFile(path) ?? '');
  return found ? Number(found[1]) : undefined;
}

function positive(value: number): number | undefined {
  return value > 0 && Number.isFinite(value) ? value : undefined;
}

function scaled(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

function less(whole: number | undefined, part: number | undefined): number | undefined {
  return whole === undefined ? undefined : Math.max(0, whole - (part ?? 0));
}
