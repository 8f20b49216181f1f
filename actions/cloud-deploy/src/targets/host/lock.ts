import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { type Identity, identify, isRunning } from './processes.ts';

/** Runs `fn` while no other process works on the deployment. A lock whose process is gone does not count. */
export async function locked<T>(folder: string, fn: () => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true });
  const lock = join(folder, 'lock');
  const own = await identify(process.pid);
  if (!own) throw new Error('this process does not find itself among the running ones');
  const text = JSON.stringify({ ...own, since: new Date().toISOString() });
  if (!(await take(lock, text)) && !((await removeStale(lock)) && (await take(lock, text))))
    throw await inUse(lock);
  try {
    return await fn();
  } finally {
    await rm(lock, { force: true });
  }
}

/** Written beside and linked into place, so that a lock is never seen empty. */
async function take(lock: string, text: string): Promise<boolean> {
  const own = `${lock}.${randomUUID()}`;
  await writeFile(own, text);
  try {
    await link(own, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

async function removeStale(lock: string): Promise<boolean> {
  if (await isHeld(lock)) return false;
  // Moved away first and looked at again: meanwhile another process may have replaced it by its own.
  const moved = `${lock}.${randomUUID()}`;
  await rename(lock, moved).catch(() => {});
  const held = await isHeld(moved);
  if (held) await link(moved, lock).catch(() => {});
  await rm(moved, { force: true });
  return !held;
}

async function isHeld(lock: string): Promise<boolean> {
  const holder = await read(lock);
  return holder !== undefined && (await isRunning(holder));
}

async function read(lock: string): Promise<(Identity & { since: string }) | undefined> {
  try {
    return JSON.parse(await readFile(lock, 'utf8')) as Identity & { since: string };
  } catch {
    return undefined;
  }
}

async function inUse(lock: string): Promise<UserError> {
  const holder = await read(lock);
  return new UserError(
    `another deployment to this folder is under way${holder ? ` (process ${holder.pid}, since ${holder.since})` : ''}`,
    {
      advice:
        "Run one at a time: give the jobs the same 'concurrency: group', which makes the second wait for the first.",
    },
  );
}
