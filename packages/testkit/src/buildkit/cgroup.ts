import { access, constants, mkdir, readdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { waitFor } from '@mlops/core';

export interface Limits {
  memoryBytes: number;
  pids: number;
}

/** Processes that share limits, and can be ended all at once. */
export interface Cgroup {
  /** As BuildKit names it: `/name`. */
  path: string;
  add(pid: number): Promise<void>;
  close(): Promise<void>;
}

const mount = '/sys/fs/cgroup';

/** A group of processes of its own with limits; undefined where this process may not make one. */
export async function createCgroup(name: string, limits: Limits): Promise<Cgroup | undefined> {
  const unified = await exists(join(mount, 'cgroup.controllers'));
  const folders = unified ? [join(mount, name)] : ['memory', 'pids'].map((one) => join(mount, one, name));
  const writable = await Promise.all(folders.map((folder) => isWritable(dirname(folder))));
  if (!writable.every(Boolean)) return undefined;
  for (const folder of folders) await mkdir(folder);
  // In a tree of version 2 only its leaves may have processes.
  const leaves = unified ? [join(mount, name, 'daemon')] : folders;
  if (unified) {
    await writeFile(join(mount, name, 'memory.max'), String(limits.memoryBytes));
    await writeFile(join(mount, name, 'pids.max'), String(limits.pids));
    await mkdir(leaves[0] as string);
  } else {
    await writeFile(join(mount, 'memory', name, 'memory.limit_in_bytes'), String(limits.memoryBytes));
    await writeFile(join(mount, 'pids', name, 'pids.max'), String(limits.pids));
  }
  return {
    path: `/${name}`,
    async add(pid) {
      for (const leaf of leaves) await writeFile(join(leaf, 'cgroup.procs'), String(pid));
    },
    async close() {
      // Where version 1 is used, what runs containers makes the group in each of the other trees, too.
      const trees = (await readdir(mount, { withFileTypes: true })).filter((entry) => entry.isDirectory());
      for (const tree of ['', ...trees.map((entry) => entry.name)]) await remove(join(mount, tree, name));
    },
  };
}

/** Ends what is in the group and those below it, and removes them. */
async function remove(folder: string): Promise<void> {
  const below = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of below) if (entry.isDirectory()) await remove(join(folder, entry.name));
  await waitFor(
    async () => {
      // A process that was killed stays for a moment in its group, which cannot be removed before.
      const pids = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
      for (const pid of pids.split('\n').filter(Boolean)) kill(Number(pid));
      return rmdir(folder).then(
        () => true,
        (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? true : undefined),
      );
    },
    { what: `the end of the processes in ${folder}`, deadlineMs: 20_000, everyMs: 20 },
  );
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}
