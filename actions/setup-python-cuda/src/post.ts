import { type Context, type InputsOf, readState } from '@mlops/core';
import { command } from '@mlops/core/process';
import { cacheStore } from '@mlops/core/store';
import type { action } from './action.ts';
import { type CacheState, cachePaths, keepBuiltWheels } from './cache.ts';

/** At the end of the job: saves what uv built from source, where there is anything and no entry holds it already. */
export async function saveCache(_: InputsOf<typeof action>, context: Context<typeof action>): Promise<void> {
  const state = readState('cache');
  if (!state) return;
  const { folder, key, uv, packages } = JSON.parse(state) as CacheState;
  const { signal, github } = context;
  await command(uv, ['cache', 'prune', '--ci', '--cache-dir', folder], { signal, env: { NO_COLOR: '1' } });
  if ((await keepBuiltWheels(folder, packages)) === 0) {
    process.stdout.write('Nothing was built from source, so there is nothing to cache.\n');
    return;
  }
  const { root, paths } = cachePaths(folder);
  const { saved, bytes, reason } = await cacheStore({ trigger: github, signal }).save(key, root, paths);
  process.stdout.write(saved ? `Saved ${bytes} bytes as ${key}.\n` : `Not saved: ${reason}.\n`);
}
