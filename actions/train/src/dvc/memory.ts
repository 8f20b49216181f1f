import { cp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Store } from '@mlops/core/store';
import { type Locked, readRun } from './lock.ts';
import { Unsure } from './unsure.ts';

/** What one run leaves for the next, beside the content of outputs. */
export interface Memory {
  /** The dvc.lock that the last run ended with. */
  lock: string | undefined;
  /** How long each stage took when it last ran, in milliseconds. */
  durations: Record<string, number>;
}

export const noMemory: Memory = { lock: undefined, durations: {} };
const version = 1;
/** Only exists for the moment in which it is fetched or saved. */
const name = 'mlops-memory';

/** Where a memory comes from and goes to. */
export interface MemoryPlace {
  store: Store;
  /** DVC's cache, in whose folder `runs` the run cache lies. */
  cache: string;
  /** A folder of the project that Git ignores. */
  temporary: string;
}

/** Brings back what the last run left: its memory, and DVC's run cache. */
export async function recall({ store, cache, temporary }: MemoryPlace, prefix: string): Promise<Memory> {
  const folder = join(temporary, name);
  await mkdir(temporary, { recursive: true });
  try {
    if (!(await store.restore(prefix, temporary, [name], { prefixes: [prefix] }))) return noMemory;
    const memory = JSON.parse(await readFile(join(folder, 'memory.json'), 'utf8'));
    if (memory.version !== version) return noMemory;
    await cp(join(folder, 'runs'), join(cache, 'runs'), {
      recursive: true,
      force: false,
      preserveTimestamps: true,
    }).catch(ignoreMissing);
    return { lock: memory.lock, durations: memory.durations };
  } catch (error) {
    if (error instanceof SyntaxError) return noMemory;
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Saves a memory and the run cache as the newest, under a key that no other has. */
export async function remember(
  memory: Memory,
  { store, cache, temporary }: MemoryPlace,
  key: string,
): Promise<void> {
  const folder = join(temporary, name);
  try {
    await mkdir(folder, { recursive: true });
    await cp(join(cache, 'runs'), join(folder, 'runs'), {
      recursive: true,
      preserveTimestamps: true,
    }).catch(ignoreMissing);
    await writeFile(join(folder, 'memory.json'), JSON.stringify({ version, ...memory }));
    await store.save(key, temporary, [name]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The entries of the run cache, newest first; those that cannot be read are DVC's matter. */
export async function cachedRuns(cache: string): Promise<Locked[]> {
  const folder = join(cache, 'runs');
  const names = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const runs: { time: number; run: Locked }[] = [];
  for (const file of files)
    try {
      runs.push({ time: (await stat(file)).mtimeMs, run: await readRun(await readFile(file, 'utf8'), file) });
    } catch (error) {
      if (!(error instanceof Unsure)) throw error;
    }
  return runs.toSorted((a, b) => b.time - a.time).map(({ run }) => run);
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}
