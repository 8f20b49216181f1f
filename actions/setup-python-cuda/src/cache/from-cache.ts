import type { Context, InputsOf } from '@mlops/core';
import type { action } from '../action.ts';
import type { Plan } from '../plan.ts';
import type { Python } from '../python.ts';
import type { Selection } from '../selection.ts';
import type { Uv } from '../uv/uv.ts';
import { builtWheelsPaths } from './built-wheels.ts';
import { builtWheelsKeys, type Cache } from './cache.ts';
import {
  announceWay,
  type EnvironmentCache,
  type EnvironmentState,
  environmentState,
  readTimings,
  restoreEnvironment,
  timingsKeysOf,
} from './environment-cache.ts';

/** What is about to be installed, and where. */
export interface Wanted {
  uv: Uv;
  python: Python;
  /** Absolute path of the virtual environment, and whether there is one. */
  venv: string;
  there: boolean;
  selection: Selection;
  plan: Plan;
  /** Digest of the lock. */
  lock: string;
  /** uv's own cache folder, and whether it held packages before this job. */
  uvCache: string;
  warm: boolean;
}

/** What the cache gave. */
export interface FromCache {
  /** Whether there was an entry for exactly this environment. */
  hit: boolean;
  /** The entry's key, or the one it is going to have. */
  key?: string;
  bytes: number;
  /** Whether the environment itself was restored, be it that of an older lock. */
  restored: boolean;
  /** What the post step is to save, given how many seconds the environment took. */
  toSave(seconds: number): { wheels?: string; environment?: EnvironmentState };
}

const nothing: FromCache = { hit: false, bytes: 0, restored: false, toSave: () => ({}) };

/** Restores what makes this job faster: the environment, or the wheels that an earlier run built from source. */
export async function restoreFromCache(
  inputs: InputsOf<typeof action>,
  context: Context<typeof action>,
  cache: Cache | undefined,
  wanted: Wanted,
): Promise<FromCache> {
  if (!cache) return nothing;
  if (wanted.warm && inputs.cache !== 'environment') {
    process.stdout.write("Not caching: uv's own cache outlives jobs on this machine.\n");
    return nothing;
  }
  // Without a lock, the environment of an earlier run would hide newer versions.
  const whole = inputs.cache !== 'built-wheels' && wanted.plan.locked && !wanted.there;
  const [wheels, environment] = await Promise.all([
    restoreBuiltWheels(cache, wanted, inputs.cacheSuffix),
    whole ? knownEnvironment(inputs, context, cache, wanted) : undefined,
  ]);
  if (!environment) return wheels;

  const { workingDirectory: cwd, signal, github } = context;
  const restored =
    announceWay(environment) === 'restore'
      ? await restoreEnvironment(cache.store, environment, { cwd, signal })
      : undefined;
  const state = (seconds: number) => environmentState(environment, github, { restored, seconds });
  if (!restored)
    return {
      ...wheels,
      toSave: (seconds) => ({
        ...wheels.toSave(seconds),
        ...(cache.saves && { environment: state(seconds) }),
      }),
    };
  return {
    hit: restored.exact,
    key: state(0).key,
    bytes: wheels.bytes + restored.bytes,
    restored: true,
    toSave: (seconds) => (cache.saves ? { environment: state(seconds) } : {}),
  };
}

async function restoreBuiltWheels(
  { store, saves }: Cache,
  { uv, python, lock, selection, uvCache }: Wanted,
  suffix: string | undefined,
): Promise<FromCache> {
  const { key, prefixes } = builtWheelsKeys(uv, python, lock, selection, suffix);
  const { root, paths } = builtWheelsPaths(uvCache);
  const found = await store.restore(key, root, paths, { prefixes });
  if (found) process.stdout.write(`Restored ${found.bytes} bytes from ${found.key}.\n`);
  const hit = found?.exact ?? false;
  return {
    ...{ hit, key, bytes: found?.bytes ?? 0, restored: false },
    toSave: () => (saves && !hit ? { wheels: key } : {}),
  };
}

async function knownEnvironment(
  inputs: InputsOf<typeof action>,
  { github }: Context<typeof action>,
  { store }: Cache,
  { venv, python, selection, plan, lock }: Wanted,
): Promise<EnvironmentCache> {
  const environment = {
    recipe: { venv, python, selection, plan, temp: github.temp },
    ...{ lock, suffix: inputs.cacheSuffix, always: inputs.cache === 'environment' },
  };
  const timings = await readTimings(store, timingsKeysOf(environment, github), github.temp);
  return { ...environment, timings, damaged: false };
}
