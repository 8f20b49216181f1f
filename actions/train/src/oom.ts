import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Where Linux counts what its out-of-memory killer has ended; given for tests. */
export interface OomPlaces {
  proc: string;
  cgroups: string;
}

const places: OomPlaces = { proc: '/proc', cgroups: '/sys/fs/cgroup' };

/**
 * How many processes the kernel has ended for lack of memory so far: those of this process's control group (version 2:
 * memory.events, version 1: memory.oom_control), and where that cannot be read those of the whole machine
 * (/proc/vmstat, Linux ≥ 4.13). Undefined where nobody counts. See https://docs.kernel.org/admin-guide/cgroup-v2.html.
 */
export async function oomKills({ proc, cgroups } = places): Promise<number | undefined> {
  const membership = await readFile(join(proc, 'self', 'cgroup'), 'utf8').catch(() => '');
  const v2 = /^0::(.*)$/m.exec(membership)?.[1];
  const v1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(membership)?.[1];
  const counters = [
    ...(v2 === undefined ? [] : [join(cgroups, v2, 'memory.events')]),
    ...(v1 === undefined ? [] : [join(cgroups, 'memory', v1, 'memory.oom_control')]),
    // In a container the group that it sees is the root of its own hierarchy.
    join(cgroups, 'memory.events'),
    join(cgroups, 'memory', 'memory.oom_control'),
    join(proc, 'vmstat'),
  ];
  for (const path of counters) {
    const count = /^oom_kill (\d+)$/m.exec(await readFile(path, 'utf8').catch(() => ''))?.[1];
    if (count !== undefined) return Number(count);
  }
  return undefined;
}
