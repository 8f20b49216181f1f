import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@mlops/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { end, identify, isRunning } from '../src/targets/host/processes.ts';

let folder: string;
const pids: number[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'instance-'));
});
afterEach(async () => {
  for (const pid of pids.splice(0))
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  await rm(folder, { recursive: true, force: true });
});

/** A script that prints and stays, as leader of its group. */
async function start(script: string): Promise<number> {
  const child = spawn(process.execPath, ['-e', `${script}; console.log('up'); setInterval(() => {}, 1000)`], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  pids.push(child.pid ?? 0);
  return child.pid ?? 0;
}

describe.runIf(process.platform !== 'win32')('a process', () => {
  it('is known by pid and start time, so that another one with its pid is left alone', async () => {
    const pid = await start('');
    const identity = await identify(pid);
    expect(identity).toBeDefined();
    if (!identity) return;
    expect(await isRunning(identity)).toBe(true);
    await end({ pid, started: 'another time' }, 1000);
    expect(await isRunning(identity)).toBe(true);
    await end(identity, 5000);
    expect(await isRunning(identity)).toBe(false);
    await end(identity, 5000);
  });

  it('is ended with all it has started, even if it does not listen', async () => {
    const child = `require('node:child_process').spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); require("node:fs").writeFileSync("${join('FOLDER', 'pid')}", String(process.pid)); setInterval(() => {}, 1000)'], { stdio: 'ignore' })`;
    const pid = await start(child.replace('FOLDER', folder));
    const grandchild = await waitFor(
      async () => Number(await readFile(join(folder, 'pid'), 'utf8').catch(() => '')) || undefined,
      { what: 'the child', deadlineMs: 5000, everyMs: 20 },
    );
    const [identity, below] = [await identify(pid), await identify(grandchild)];
    if (!identity || !below) throw new Error('a process is missing');
    await end(identity, 300);
    expect(await isRunning(below)).toBe(false);
  });

  it('that was started by one that is killed before it noted that, does not run the script', async () => {
    const releases = join(folder, 'releases', 'r1', 'app');
    const starter = join(folder, 'starter.mts');
    await writeFile(
      starter,
      `
      import { mkdirSync, writeFileSync } from 'node:fs';
      import { startServer } from ${JSON.stringify(join(import.meta.dirname, '../src/targets/host/instance.ts'))};
      mkdirSync(${JSON.stringify(releases)}, { recursive: true });
      const release = { schema: 1, revision: 'r1', packageDigest: '', modelDigest: '', serve: 'touch served; sleep 60' };
      await startServer(
        {
          folder: ${JSON.stringify(folder)},
          releaseFolder: () => ${JSON.stringify(join(releases, '..'))},
          async update({ starting }) {
            writeFileSync(${JSON.stringify(join(folder, 'pid'))}, JSON.stringify(starting.process));
            process.kill(process.pid, 'SIGKILL');
            await new Promise(() => {});
          },
        } as never,
        release as never,
      );`,
    );
    const child = spawn(process.execPath, [starter], { stdio: 'inherit' });
    const signal = await new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    expect(signal).toBe('SIGKILL');
    const identity = JSON.parse(await readFile(join(folder, 'pid'), 'utf8'));
    pids.push(identity.pid);
    await waitFor(async () => ((await isRunning(identity)) ? undefined : true), {
      what: 'the end of the process',
      deadlineMs: 4000,
      everyMs: 20,
    });
    await expect(readFile(join(releases, 'served'))).rejects.toThrow('ENOENT');
  });
});
