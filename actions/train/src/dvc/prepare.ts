import { join } from 'node:path';
import { overlap } from '../paths.ts';
import type { DvcCache } from './cache.ts';
import type { Decision } from './decide.ts';
import type { Lock, Locked } from './lock.ts';
import { type Need, needs } from './needs.ts';
import { judge, type Known } from './plan.ts';
import type { DvcProject } from './project.ts';

export interface Preparation {
  project: DvcProject;
  known: Known;
  cache: DvcCache;
  lock: Lock;
  /** The lock that is committed: content that only the other one names was never pushed. */
  committed: Lock;
  runs: readonly Locked[];
  /** Stages that run whatever has changed → why. */
  forced: Map<string, string>;
  /** What the caller reads. */
  results: readonly string[];
  /** Whether outputs go to the remote, so that it has what only the last run made. */
  isPushed: boolean;
  /** Fetches paths from the remote. */
  pull: (paths: readonly string[]) => Promise<void>;
  log: (line: string) => void;
}

export interface Prepared {
  decision: Decision;
  /** What only the remote can have. */
  left: Need[];
  /** Paths that were brought back from the store. */
  restored: Set<string>;
}

/**
 * Decides what runs, and brings what is needed for it from the store. What nobody keeps any more is made again by the
 * stage that wrote it, which changes what is needed, so this goes on until nothing more comes up.
 */
export async function prepare(preparation: Preparation): Promise<Prepared> {
  const { project, known, forced, results, log } = preparation;
  const restored = new Set<string>();
  const removed = new Set<string>();
  for (;;) {
    const decision = await decideWithData(preparation, restored, removed);
    const left: Need[] = [];
    // What was removed had been there, so it is not to be missing afterwards.
    const wanted = { folder: project.folder, results: [...results, ...uncached(known, removed)] };
    for (const need of needs(decision, known, wanted))
      if (!(await bringBack(need, preparation, restored))) left.push(need);
    const lost = left.filter((need) => isLost(need, preparation));
    for (const { owner, path } of lost) {
      if (!owner) continue;
      log(`${path}, an output of ${owner.stage.name}, is needed and no longer kept: the stage runs again`);
      forced.set(owner.stage.name, 'its outputs are needed, and no longer kept');
    }
    if (!lost.length) return { decision, left: left.filter(({ use }) => use !== 'cached'), restored };
  }
}

/** Judges the stages; what is missing to do so with certainty is fetched first. */
async function decideWithData(
  preparation: Preparation,
  restored: Set<string>,
  removed: Set<string>,
): Promise<Decision> {
  const { project, known, lock, committed, runs, forced, pull } = preparation;
  const facts = { lock, committed, runs, forced };
  const decision = await judge(project, known, facts, removed);
  if (!decision.wanted.length) return decision;
  const contents = [...known.data, ...decision.judged.flatMap(({ outs }) => [...outs])];
  const toPull: string[] = [];
  for (const path of decision.wanted) {
    const [whole, content] = contents.find(([each]) => overlap(each, path)) ?? [];
    const need = whole && content && { path: whole, content, owner: undefined, use: 'input' as const };
    if (!need || !(await bringBack(need, preparation, restored))) toPull.push(path);
  }
  if (toPull.length) await pull(toPull);
  return judge(project, known, facts, removed);
}

/** Those of the paths that are Git's. */
function uncached({ stages }: Known, paths: ReadonlySet<string>): string[] {
  const outs = stages.flatMap((stage) => stage.outs);
  return outs.filter(({ path, cache }) => !cache && paths.has(path)).map(({ path }) => path);
}

async function bringBack(
  { path, content, use }: Need,
  { cache, project, log }: Preparation,
  restored: Set<string>,
): Promise<boolean> {
  if (!(await cache.fetch(content))) return false;
  if (use === 'cached') return true;
  await cache.checkOut(content, join(project.folder, path));
  restored.add(path);
  log(`Restored ${path} from the cache`);
  return true;
}

/** Whether no remote can have an output: Git's own, or one that was made by a run whose lock nobody committed. */
function isLost({ path, content, owner, use }: Need, { committed, isPushed, forced }: Preparation): boolean {
  if (!owner || use === 'cached' || owner.verdict !== 'unchanged' || forced.has(owner.stage.name))
    return false;
  const out = owner.stage.outs.find((each) => each.path === path);
  if (!out?.cache) return true;
  if (isPushed) return false;
  return committed.get(owner.stage.name)?.outs.get(owner.stage.written(path))?.md5 !== content.md5;
}
