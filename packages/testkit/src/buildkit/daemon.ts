import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { basename, join } from 'node:path';
import { waitFor } from '@mlops/core';
import { command } from '@mlops/core/process';
import { type Cgroup, createCgroup, type Limits } from './cgroup.ts';

export interface DaemonOptions {
  /** Its own, which is removed when it is closed. */
  folder: string;
  /** What it listens on once it is ready. */
  socket: string;
  /** Of it and all that it runs. */
  limits: Limits;
  /** How long it may take to end by itself, in milliseconds. */
  graceMs: number;
  /** Gets the group that limits it, of which those of its containers have to be part. */
  commandLine: (cgroup: Cgroup | undefined) => Promise<[program: string, ...args: string[]]>;
  env?: Record<string, string>;
}

export interface Daemon {
  /** What it has said so far. */
  log(): Promise<string>;
  /** Ends it and what it has started, and takes its folder away with all that is mounted there. */
  close(): Promise<void>;
}

/** Starts a daemon that runs containers, and waits until it answers. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { folder, socket, limits, graceMs, env } = options;
  const cgroup = await createCgroup(basename(folder), limits);
  const [program, ...args] = await options.commandLine(cgroup);
  const log = join(folder, 'log');
  const output = await open(log, 'w');
  // What it mounts there goes with the folder.
  const temp = join(folder, 'tmp');
  await mkdir(temp);
  const child = spawn(program, args, {
    stdio: ['ignore', output.fd, output.fd],
    // Where there is no group with limits, Go at least gives back what it can.
    env: {
      ...process.env,
      ...{ TMPDIR: temp, GOMEMLIMIT: String(Math.floor(limits.memoryBytes / 2)) },
      ...env,
    },
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
    child.kill('SIGTERM');
    const late = setTimeout(kill, graceMs);
    await ended.catch(() => {}); // It never started.
    clearTimeout(late);
    await output.close();
    await cgroup?.close();
    await unmountBelow(folder);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    if (child.pid !== undefined) await cgroup?.add(child.pid);
    await answered(socket, ended);
    return { log: () => readFile(log, 'utf8'), close };
  } catch (error) {
    const said = await readFile(log, 'utf8').catch(() => '');
    await close();
    throw new Error(`${program} did not start:\n${said.slice(-4000)}`, { cause: error });
  }
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
  await Promise.race([
    waitFor(look, { what: "the daemon's socket", deadlineMs: 30_000, everyMs: 20 }),
    early,
  ]);
}

/** A daemon that was killed leaves the file systems of its containers mounted. */
async function unmountBelow(folder: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const points = mounts
    .map((line) => line.split(' ')[4] ?? '')
    .filter((point) => point.startsWith(`${folder}/`));
  for (const point of points.reverse()) await command('umount', ['--lazy', point], { tolerate: true });
}
