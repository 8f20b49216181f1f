import { hash } from 'node:crypto';
import type { GitHub, InputsOf } from '@mlops/core';
import { hashText } from '@mlops/core/hash';
import type { Store } from '@mlops/core/store';
import type { action } from '../action.ts';
import type { Plan } from '../plan.ts';
import type { Python } from '../python.ts';
import type { Selection } from '../selection.ts';
import type { Uv } from '../uv/uv.ts';

type Inputs = InputsOf<typeof action>;

/** The job's cache, as far as its inputs and its event allow. */
export interface Cache {
  store: Store;
  /** Whether the post step may save; if not, the log has said why. */
  saves: boolean;
}

/** Opens the job's cache. Where it has no use for one, undefined; the log says why. */
export async function openCache(
  inputs: Inputs,
  github: GitHub,
  signal: AbortSignal,
): Promise<Cache | undefined> {
  if (inputs.cache === 'off') return undefined;
  const { cacheStore, reasonNotToSave } = await import('@mlops/core/store');
  const store = cacheStore({ trigger: github, signal });
  // What must not leave traces for others had better not trust theirs either. A fork may read: it sees nothing secret.
  const none =
    reasonNotToSave({ ...github, isFork: false }) ??
    (store.kind === 'folder' && inputs.cache !== 'environment'
      ? "there is no cache service, and uv's own cache serves as well"
      : undefined);
  if (none) {
    process.stdout.write(`Not caching: ${none}.\n`);
    return undefined;
  }
  const unsaved =
    reasonNotToSave(github) ?? (inputs.saveCache ? undefined : "the input 'save-cache' is false");
  if (unsaved) process.stdout.write(`Nothing will be saved: ${unsaved}.\n`);
  return {
    store: inputs.restoreCache ? store : { ...store, restore: async () => undefined },
    saves: !unsaved,
  };
}

/** The key of an entry, and the prefixes of those that may serve in its stead, the closest first. */
export interface Keys {
  key: string;
  prefixes: string[];
}

/** What all keys begin with; another `cache-suffix` keeps entries apart. */
function start(suffix: string | undefined): string {
  return suffix ? `setup-python-cuda-${suffix}-` : 'setup-python-cuda-';
}

/** Of the wheels that were built from source. */
export function builtWheelsKeys(
  uv: Uv,
  python: Python,
  lock: string,
  selection: Selection,
  suffix: string | undefined,
): Keys {
  const prefix = `${start(suffix)}${python.key}-uv${uv.version}-`;
  return { key: `${prefix}${short([lock, selection])}`, prefixes: [prefix] };
}

/** What an environment depends on beside its lock. */
export interface Recipe {
  /** Absolute: programs in an environment begin with its path. */
  venv: string;
  python: Python;
  selection: Selection;
  plan: Plan;
  /** The job's temporary folder, whose path differs from machine to machine. */
  temp: string;
}

/** Of an environment. An entry of another lock is a start; one of another place, Python or selection is none. */
export function environmentKeys(
  recipe: Recipe,
  lock: string,
  suffix: string | undefined,
  generation: number,
): Keys {
  const prefix = `${start(suffix)}environment-${recipeKey(recipe)}-${generation}-`;
  return { key: `${prefix}${short(lock)}`, prefixes: [prefix] };
}

/** Of what is known about an environment's times. Entries never change, so that each run's has a key of its own. */
export function timingsKeys(
  recipe: Recipe,
  lock: string,
  suffix: string | undefined,
  cores: number,
  { runId, runAttempt, job }: Pick<GitHub, 'runId' | 'runAttempt' | 'job'>,
): Keys {
  const ofRecipe = `${start(suffix)}times-${recipeKey(recipe)}-${cores}-`;
  const ofLock = `${ofRecipe}${short(lock)}-`;
  return { key: `${ofLock}${runId}-${runAttempt}-${job}`, prefixes: [ofLock, ofRecipe] };
}

/** Of a tool that had to be downloaded. `folder` is where it lies: interpreters name it in their configuration. */
export function toolKey(tool: string, folder: string, suffix: string | undefined): string {
  return `${start(suffix)}${tool}-${process.platform}-${process.arch}-${short(folder)}`;
}

function recipeKey({ venv, python, selection, plan, temp }: Recipe): string {
  const args = plan.steps.map((step) => step.args.map((arg) => arg.replace(temp, '')));
  return `${python.key}-${short([venv, python.path, selection, args])}`;
}

function short(value: unknown): string {
  return hash('sha256', JSON.stringify(value)).slice(0, 32);
}

/**
 * What the environment is made of, as one digest: stage caches depend on it. `contents` is the digest of the lock, or
 * of the list of what was installed where no lock fixes that.
 */
export function environmentDigest(contents: string, python: Python, selection: Selection): string {
  return hashText(JSON.stringify([contents, python.key, selection]));
}
