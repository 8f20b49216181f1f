import { join } from 'node:path';
import { overlap } from '../paths.ts';
import { type Content, contentOf } from './content.ts';
import { differences, type State } from './differences.ts';
import { type Lock, type Locked, sameRun } from './lock.ts';
import { valueAt } from './parameters.ts';
import type { DvcStage } from './pipeline-file.ts';
import type { ReadValues } from './templating.ts';
import { Unsure } from './unsure.ts';
import { isMapping, type Mapping, type Value } from './yaml.ts';

/** Everything that decides which stages run. */
export interface Situation {
  folder: string;
  /** After whatever they depend on. */
  stages: readonly DvcStage[];
  /** What `dvc add` tracks, by path. */
  data: ReadonlyMap<string, Content>;
  lock: Lock;
  /** The lock that is committed, and with it outputs that are Git's. */
  committed: Lock;
  /** Entries of the run cache, newest first. */
  runs: readonly Locked[];
  /** Stages that run whatever has changed → why. */
  forced: ReadonlyMap<string, string>;
  read: ReadValues;
}

/** What becomes of a stage, as far as it can be told before DVC is started. */
export interface Judged {
  stage: DvcStage;
  /**
   * `unchanged`: its entry in dvc.lock stands. `cached`: another entry of the run cache stands. `changed`: it runs.
   * `follows`: that depends on what an earlier stage makes. `unsure`: DVC decides.
   */
  verdict: 'unchanged' | 'cached' | 'changed' | 'follows' | 'unsure';
  reason: string;
  /** Its outputs by path, where they are known already. */
  outs: ReadonlyMap<string, Content>;
  /** Its outputs as they were when it last ran, whatever has changed since. */
  before: ReadonlyMap<string, Content>;
  /** Whether DVC would not notice by itself that it has to run, since it takes missing outputs for unchanged. */
  unnoticed: boolean;
}

export interface Decision {
  judged: Judged[];
  /** Missing files without which it cannot be told whether stages have changed. */
  wanted: string[];
  /** Outputs on the disk that are not what their stage wrote. */
  stale: string[];
}

/** Judges each stage by the lock, the run cache and what is on the disk, as `dvc repro --allow-missing` would. */
export async function decide(situation: Situation): Promise<Decision> {
  const judge = new Judge(situation);
  for (const stage of situation.stages) judge.judged.set(stage, await judge.settle(stage));
  return { judged: [...judge.judged.values()], wanted: [...judge.wanted], stale: judge.stale };
}

/** Thrown where a stage cannot be unchanged, because what it reads is not there. DVC would pass over that. */
class Missing extends Error {}

/** Thrown where a stage's fate depends on what an earlier one makes. */
class Follows extends Error {
  readonly earlier: string;

  constructor(earlier: string) {
    super();
    this.earlier = earlier;
  }
}

class Judge {
  readonly judged = new Map<DvcStage, Judged>();
  readonly wanted = new Set<string>();
  readonly stale: string[] = [];
  readonly #situation: Situation;
  readonly #contents = new Map<string, Promise<Content | undefined>>();

  constructor(situation: Situation) {
    this.#situation = situation;
  }

  async settle(stage: DvcStage): Promise<Judged> {
    const locked = this.#situation.lock.get(stage.name);
    const before = locked ? outsOf(stage, locked) : new Map<string, Content>();
    const base = { stage, before, outs: new Map<string, Content>(), unnoticed: false };
    const forced = this.#situation.forced.get(stage.name);
    try {
      if (forced !== undefined) return { ...base, verdict: 'changed', reason: forced, unnoticed: true };
      if (stage.alwaysChanged && !stage.frozen)
        return { ...base, verdict: 'changed', reason: 'it is marked always_changed' };
      if (!stage.deps.length && !stage.params.size && !stage.outs.length)
        return { ...base, verdict: 'changed', reason: 'it has no dependencies and no outputs' };
      return { ...base, ...(await this.#byContent(stage)) };
    } catch (error) {
      if (error instanceof Follows)
        return { ...base, verdict: 'follows', reason: `it depends on stage ${error.earlier}, which runs` };
      if (error instanceof Missing)
        return { ...base, verdict: 'changed', reason: error.message, unnoticed: true };
      if (error instanceof Unsure) return { ...base, verdict: 'unsure', reason: error.message };
      throw error;
    }
  }

  async #byContent(stage: DvcStage): Promise<Omit<Judged, 'stage' | 'before'>> {
    const locked = this.#situation.lock.get(stage.name);
    // A frozen stage does not look at what it depends on.
    const now = stage.frozen && locked ? { ...locked, command: stage.command } : await this.#state(stage);
    const reason = locked ? differences(now, locked) : 'it is not in dvc.lock';
    if (!reason && locked) return this.#outputs(stage, locked);
    const outs = stage.outs.map(({ path }) => stage.written(path));
    const run = isKept(stage)
      ? this.#situation.runs.find((entry) => sameRun(entry, { ...now, outs }))
      : undefined;
    if (!run) return { verdict: 'changed', reason, outs: new Map(), unnoticed: false };
    return { verdict: 'cached', reason, outs: outsOf(stage, run), unnoticed: false };
  }

  /** Whether an unchanged stage's outputs are what it wrote, as far as they are there. */
  async #outputs(stage: DvcStage, locked: Locked): Promise<Omit<Judged, 'stage' | 'before'>> {
    const outs = outsOf(stage, locked);
    for (const { path, cache } of stage.outs) {
      const expected = outs.get(path);
      const changed = (reason: string, unnoticed: boolean) =>
        ({ verdict: 'changed', reason, outs: new Map(), unnoticed }) as const;
      if (!expected) return changed(`its output ${path} is new`, true);
      const found = await this.#content(path);
      if (!found || found.md5 === expected.md5) continue;
      const ofCommit = this.#situation.committed.get(stage.name)?.outs.get(stage.written(path));
      if (!cache && found.md5 !== ofCommit?.md5)
        return changed(`its output ${path} changed on the disk`, false);
      this.stale.push(path);
    }
    return { verdict: 'unchanged', reason: 'nothing it depends on has changed', outs, unnoticed: false };
  }

  /** The dependencies and parameters as they are now. */
  async #state(stage: DvcStage): Promise<State> {
    const deps = new Map<string, Content>();
    // What is unsure counts more than what follows: it may have to be fetched first.
    let follows: Follows | undefined;
    for (const path of stage.deps)
      try {
        deps.set(stage.written(path), await this.#dependency(path, stage));
      } catch (error) {
        if (!(error instanceof Follows)) throw error;
        follows = error;
      }
    if (follows) throw follows;
    const params: Mapping = {};
    for (const [file, keys] of stage.params) params[stage.written(file)] = await this.#parameters(file, keys);
    return { command: stage.command, deps, params };
  }

  async #parameters(file: string, keys: readonly string[] | null): Promise<Mapping> {
    const values = await this.#situation.read(file);
    if (values === undefined) throw new Missing(`its parameters file ${file} is missing`);
    if (values === null) return {};
    if (!isMapping(values)) throw new Unsure(`${file} is not a mapping`);
    if (!keys) return values;
    const found = keys.map((key) => [key, valueAt(values, key)] as const);
    return Object.fromEntries(found.filter((entry): entry is [string, Value] => entry[1] !== undefined));
  }

  async #dependency(path: string, stage: DvcStage): Promise<Content> {
    const related: string[] = [];
    for (const earlier of this.#situation.stages)
      for (const out of earlier.outs) {
        if (earlier === stage || !overlap(path, out.path)) continue;
        const judged = this.judged.get(earlier);
        const known = judged?.outs.get(out.path);
        if (!judged || !known) throw new Follows(earlier.name);
        if (path === out.path) return known;
        if (judged.verdict !== 'unchanged') throw new Follows(earlier.name);
        related.push(out.path);
      }
    for (const [tracked, content] of this.#situation.data) {
      if (!overlap(path, tracked)) continue;
      const found = await this.#content(tracked);
      if (found && found.md5 !== content.md5) throw new Unsure(`${tracked} is not what its .dvc file says`);
      if (path === tracked) return content;
      related.push(tracked);
    }
    await this.#require(path, related);
    const content = await this.#content(path);
    if (!content) throw new Missing(`its input ${path} is missing`);
    return content;
  }

  /** A dependency that lies in outputs, or has some in it, can be told only when all are on the disk. */
  async #require(path: string, outputs: readonly string[]): Promise<void> {
    const needed = outputs.map((output) => (path.startsWith(`${output}/`) ? path : output));
    const missing: string[] = [];
    for (const each of needed) if (!(await this.#content(each))) missing.push(each);
    for (const each of missing) this.wanted.add(each);
    if (missing.length) throw new Unsure(`${missing.join(', ')} is missing, which ${path} depends on`);
  }

  #content(path: string): Promise<Content | undefined> {
    const known = this.#contents.get(path) ?? contentOf(join(this.#situation.folder, path));
    this.#contents.set(path, known);
    return known;
  }
}

function outsOf(stage: DvcStage, { outs }: Locked): Map<string, Content> {
  return new Map(
    stage.outs.flatMap(({ path }) => {
      const content = outs.get(stage.written(path));
      return content ? [[path, content]] : [];
    }),
  );
}

/** Whether DVC keeps the stage's runs in its run cache. */
function isKept({ deps, outs }: DvcStage): boolean {
  return deps.length > 0 && outs.length > 0 && outs.every(({ persist }) => !persist);
}
