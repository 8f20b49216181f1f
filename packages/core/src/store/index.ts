import { homedir } from 'node:os';
import { join } from 'node:path';
import { annotate } from '../runner.ts';
import { forgiving, readOnly, reasonNotToSave, type Trigger } from './cautious.ts';
import { folderStore } from './folder.ts';
import { gitHubCache, hasGitHubCache } from './github-cache.ts';
import type { Store } from './store.ts';

export {
  type Artifact,
  type ArtifactStore,
  type ArtifactStoreOptions,
  artifactStore,
  hasGitHubArtifacts,
} from './artifacts.ts';
export { reasonNotToSave, type Trigger } from './cautious.ts';
export { type FolderStoreOptions, folderStore } from './folder.ts';
export type { Restored, Saved, Store } from './store.ts';

export interface CacheOptions {
  /** What started the run: the context's `github`. It decides whether the cache may be written. */
  trigger: Trigger;
  /** Whether what is saved is for later jobs and attempts of the same ref, as checkpoints are. */
  forSameRef?: boolean;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  /** Told of each failure (default: a warning annotation). */
  warn?: (message: string) => void;
}

/**
 * The cache of this job: GitHub's service where the runner offers it, otherwise a folder (`$MLOPS_CACHE_DIR`, or
 * `mlops/cache` in the user's cache folder). A cache that fails never fails the run: there is a warning, and nothing
 * was found or saved. Nothing is saved by runs that trusted branches must not depend on; see reasonNotToSave.
 */
export function cacheStore(options: CacheOptions): Store {
  const { trigger, forSameRef, env = process.env, signal } = options;
  const { warn = (message) => annotate('warning', message) } = options;
  const store = hasGitHubCache(env) ? gitHubCache({ signal }) : folderStore({ folder: cacheFolder(env) });
  const reason = reasonNotToSave(trigger, { forSameRef });
  return forgiving(reason ? readOnly(store, reason) : store, warn, signal);
}

function cacheFolder(env: NodeJS.ProcessEnv): string {
  if (env.MLOPS_CACHE_DIR) return env.MLOPS_CACHE_DIR;
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'mlops', 'cache');
  if (process.platform === 'win32' && env.LOCALAPPDATA) return join(env.LOCALAPPDATA, 'mlops', 'cache');
  return join(homedir(), process.platform === 'darwin' ? 'Library/Caches' : '.cache', 'mlops', 'cache');
}
