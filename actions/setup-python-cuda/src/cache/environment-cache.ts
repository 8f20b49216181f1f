import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { GitHub } from '@mlops/core';
import type { Store } from '@mlops/core/store';
import { folderSize } from '../disk/folder-size.ts';
import { isWhole, untilFinished } from '../venv.ts';
import { environmentKeys, type Keys, type Recipe, timingsKeys } from './cache.ts';
import { chooseWay, isNews, noTimings, parseTimings, type Timings, type Way, withSample } from './timings.ts';

/*
 * The environment as a whole, in an entry of its own, and what is known about how long its restoring and its installing
 * take, in small entries. An environment names its own path and its Python's everywhere, which the key therefore holds.
 */

/** An environment that may be restored and saved. */
export interface EnvironmentCache {
  recipe: Recipe;
  lock: string;
  suffix: string | undefined;
  /** Whether an entry is used and saved whatever times say. */
  always: boolean;
  timings: Timings;
  /** Whether the entry turned out not to be usable, which later jobs have to know. */
  damaged: boolean;
}

/** What the post step must know. */
export interface EnvironmentState {
  venv: string;
  key: string;
  timingsKey: string;
  always: boolean;
  timings: Timings;
  /** How the environment came to be in this job, and how long that took. */
  way: Way;
  seconds: number;
  /** Whether it came from exactly this entry. */
  exact: boolean;
  damaged: boolean;
}

export interface RestoredEnvironment {
  bytes: number;
  exact: boolean;
}

/** What stands in an environment's entry about itself. */
const labelName = 'mlops-environment.json';

/** Fetches what is known about the environment's times. */
export async function readTimings(store: Store, keys: Keys, temp: string): Promise<Timings> {
  const { root, paths } = timingsPaths(temp);
  const found = await store.restore(keys.key, root, paths, { prefixes: keys.prefixes });
  return found ? parseTimings(await readFile(join(root, paths[0]), 'utf8')) : noTimings;
}

/** The way that this job goes, and says so in the log. */
export function announceWay({ always, timings }: EnvironmentCache): Way {
  const { way, why } = always ? { way: 'restore' as const, why: 'as the input says' } : chooseWay(timings);
  process.stdout.write(`Environment: ${way}, ${why}.\n`);
  return way;
}

/**
 * Restores the environment, or one of another lock as a start. What does not run, is of another Python, or is not as it
 * was saved is removed again, and its key is not used any more.
 */
export async function restoreEnvironment(
  store: Store,
  cache: EnvironmentCache,
  where: { cwd: string; signal: AbortSignal },
): Promise<RestoredEnvironment | undefined> {
  const { venv, python } = cache.recipe;
  const { key, prefixes } = keysOf(cache);
  const { root, paths } = venvPath(venv);
  const restored = await untilFinished(venv, () => store.restore(key, root, paths, { prefixes }));
  if (!restored) {
    await rm(venv, { recursive: true, force: true });
    return undefined;
  }
  process.stdout.write(`Restored ${restored.bytes} bytes from ${restored.key}.\n`);
  const complete = await isComplete(venv, restored.bytes);
  if (complete && (await isWhole(venv, python, where))) return restored;
  const wrong = complete ? 'does not run with this Python' : 'is not as it was saved';
  process.stdout.write(`The restored environment ${wrong} and is replaced.\n`);
  await rm(venv, { recursive: true, force: true, maxRetries: 3 });
  cache.timings = { ...cache.timings, generation: cache.timings.generation + 1 };
  cache.damaged = true;
  return undefined;
}

/** What the post step needs to save the environment and its times. */
export function environmentState(
  cache: EnvironmentCache,
  github: GitHub,
  outcome: { restored: RestoredEnvironment | undefined; seconds: number },
): EnvironmentState {
  const { restored, seconds } = outcome;
  const { always, timings, damaged, recipe } = cache;
  return {
    ...{ venv: recipe.venv, key: keysOf(cache).key, always, timings, damaged, seconds },
    timingsKey: timingsKeysOf(cache, github).key,
    way: restored ? 'restore' : 'install',
    exact: restored?.exact ?? false,
  };
}

/** Saves what this job has learned about times, and the environment where the next job would restore it. */
export async function saveEnvironment(
  store: Store,
  { venv, key, timingsKey, always, timings, way, seconds, exact, damaged }: EnvironmentState,
  temp: string,
): Promise<void> {
  const now = Date.now();
  const learned = withSample(timings, way, { seconds, bytes: await folderSize(venv), at: now });
  const next = chooseWay(learned);
  // Where a restore could not pay, the next job finds nothing and installs, which is right.
  const matters = next.way === 'restore' || learned.restore.length > 0;
  if (damaged || (matters && isNews(timings, way, now))) await saveTimings(store, timingsKey, learned, temp);
  if (exact) return;
  if (!always && next.way === 'install') {
    process.stdout.write(`The environment is not saved: ${next.why}.\n`);
    return;
  }
  await rm(join(venv, labelName), { force: true });
  await writeFile(join(venv, labelName), JSON.stringify({ bytes: await folderSize(venv) }));
  const { root, paths } = venvPath(venv);
  const saved = await store.save(key, root, paths);
  process.stdout.write(
    saved.saved
      ? `Saved ${saved.bytes} bytes of the environment as ${key}.\n`
      : `The environment is not saved: ${saved.reason}.\n`,
  );
}

async function saveTimings(store: Store, key: string, timings: Timings, temp: string): Promise<void> {
  const { root, paths } = timingsPaths(temp);
  await mkdir(dirname(join(root, paths[0])), { recursive: true });
  await writeFile(join(root, paths[0]), JSON.stringify(timings));
  const { saved, reason } = await store.save(key, root, paths);
  process.stdout.write(saved ? `Saved times as ${key}.\n` : `Times are not saved: ${reason}.\n`);
}

export function timingsKeysOf(
  { recipe, lock, suffix }: Pick<EnvironmentCache, 'recipe' | 'lock' | 'suffix'>,
  github: GitHub,
): Keys {
  return timingsKeys(recipe, lock, suffix, availableParallelism(), github);
}

function keysOf({ recipe, lock, suffix, timings }: EnvironmentCache): Keys {
  return environmentKeys(recipe, lock, suffix, timings.generation);
}

/** Whether everything that was saved is there, by its size. */
async function isComplete(venv: string, bytes: number): Promise<boolean> {
  try {
    const label = join(venv, labelName);
    const saved = JSON.parse(await readFile(label, 'utf8')) as { bytes: number };
    return saved.bytes + (await stat(label)).size === bytes;
  } catch {
    return false;
  }
}

function venvPath(venv: string): { root: string; paths: [string] } {
  return { root: dirname(venv), paths: [basename(venv)] };
}

function timingsPaths(temp: string): { root: string; paths: [string] } {
  return { root: temp, paths: ['mlops/setup-python-cuda/times.json'] };
}
