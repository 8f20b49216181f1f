import { type Context, type InputsOf, readState } from '@mlops/core';
import { command } from '@mlops/core/process';
import { cacheStore, type Store } from '@mlops/core/store';
import type { action } from './action.ts';
import { builtWheelsPaths, keepBuiltWheels } from './cache/built-wheels.ts';
import { type EnvironmentState, saveEnvironment } from './cache/environment-cache.ts';
import { saveTools, type ToolEntry } from './cache/tool-cache.ts';
import { removeCredentials } from './indexes.ts';

/** What the main step leaves for this one. */
export interface PostState {
  uv: string;
  /** uv's cache folder. */
  folder: string;
  tools: ToolEntry[];
  /** The environment's interpreter, and what it held at the end of the main step, as `name==version`. */
  installed?: { python: string; packages: string[] };
  /** Key of the entry for the wheels that were built, unless there is one. */
  wheels?: string;
  environment?: EnvironmentState;
}

/** At the end of the job: saves what this job had to make and the next one can use, and prunes uv's cache. */
export async function saveCache(
  inputs: InputsOf<typeof action>,
  context: Context<typeof action>,
): Promise<void> {
  await removeCredentials();
  const text = readState('cache');
  if (!text) return;
  const state = JSON.parse(text) as PostState;
  const { signal, github } = context;
  const store = cacheStore({ trigger: github, signal });
  await saveTools({ store }, state.tools);
  if (state.environment && (await isUnchanged(state, signal)))
    await saveEnvironment(store, state.environment, github.temp);
  if (state.wheels) await saveBuiltWheels(store, state, state.wheels, signal);
  else if (inputs.pruneCache) await pruneCache(state, [], signal);
}

/** Later steps may have installed something else, which is not what the lock says. */
async function isUnchanged({ uv, installed }: PostState, signal: AbortSignal): Promise<boolean> {
  const args = ['pip', 'freeze', '--python', installed?.python ?? ''];
  const { stdout } = await command(uv, args, { signal, tolerate: true, env: { NO_COLOR: '1' } });
  const same = stdout.split('\n').filter(Boolean).join() === installed?.packages.join();
  if (!same) process.stdout.write('The environment is not saved: a later step has changed its packages.\n');
  return same;
}

async function saveBuiltWheels(
  store: Store,
  state: PostState,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  await pruneCache(state, ['--ci'], signal);
  if ((await keepBuiltWheels(state.folder, state.installed?.packages ?? [])) === 0) {
    process.stdout.write('Nothing was built from source, so there is nothing to cache.\n');
    return;
  }
  const { root, paths } = builtWheelsPaths(state.folder);
  const { saved, bytes, reason } = await store.save(key, root, paths);
  process.stdout.write(
    saved ? `Saved ${bytes} bytes of built wheels as ${key}.\n` : `Built wheels are not saved: ${reason}.\n`,
  );
}

async function pruneCache({ uv, folder }: PostState, flags: string[], signal: AbortSignal): Promise<void> {
  const args = ['cache', 'prune', ...flags, '--cache-dir', folder];
  await command(uv, args, { signal, env: { NO_COLOR: '1' } });
}
