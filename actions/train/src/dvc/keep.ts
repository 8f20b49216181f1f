import { join } from 'node:path';
import type { Store } from '@mlops/core/store';
import type { DvcCache } from './cache.ts';
import type { Lock } from './lock.ts';
import { type Memory, remember } from './memory.ts';
import { type Known, lockText } from './plan.ts';
import type { ReproProgress } from './progress.ts';
import type { DvcProject } from './project.ts';

export interface Kept {
  store: Store;
  cache: DvcCache;
  project: DvcProject;
  /** Undefined where only DVC can tell what the project consists of. */
  known: Known | undefined;
  /** The lock as DVC left it. */
  lock: Lock;
  memory: Memory;
  /** Under which the memory is kept. */
  key: string;
  log: (line: string) => void;
}

/** Keeps the outputs of the stages that ran, and how to find them. */
export async function keepRuns({ stages }: ReproProgress, kept: Kept): Promise<void> {
  const { store, cache, project, known, lock, log } = kept;
  const durations = { ...kept.memory.durations };
  for (const { name, outcome, durationMs } of stages.values()) {
    const entry = lock.get(name);
    if (outcome !== 'ran' || !entry) continue;
    durations[name] = durationMs;
    const stage = known?.stages.find((each) => each.name === name);
    for (const [written, content] of entry.outs) {
      const path = stage?.outs.find((out) => stage.written(out.path) === written)?.path ?? written;
      await cache.add(content, join(project.folder, path));
      const reason = await cache.save(content);
      if (reason !== undefined) log(`${path} of ${name} was not saved: ${reason}`);
    }
  }
  const memory = { lock: await lockText(project), durations };
  await remember(memory, { store, cache: cache.folder, temporary: project.temporary }, kept.key);
}
