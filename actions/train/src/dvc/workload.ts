import { writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Context, InputsOf } from '@mlops/core';
import { hashText } from '@mlops/core/hash';
import type { StageRecord } from '@mlops/core/record';
import { cacheStore, reasonNotToSave, type Store } from '@mlops/core/store';
import type { Metrics } from '@mlops/metrics';
import type { action } from '../action.ts';
import { duration } from '../format.ts';
import { canonical } from '../key.ts';
import { ledgerPrefix } from '../ledger.ts';
import type { Supervisor } from '../supervisor.ts';
import type { Workload } from '../workload.ts';
import { DvcCache } from './cache.ts';
import type { Decision } from './decide.ts';
import { forcedStages } from './forced.ts';
import { keepRuns } from './keep.ts';
import type { Lock } from './lock.ts';
import { dropEntries, tellLock } from './lock-file.ts';
import { cachedRuns, type Memory, noMemory, recall } from './memory.ts';
import { missingResults } from './needs.ts';
import { betterLock, type Known, lockText, parsedLock, readProject } from './plan.ts';
import { type Prepared, prepare } from './prepare.ts';
import { DvcProgram, findDvc, withRemote } from './program.ts';
import type { ReproProgress } from './progress.ts';
import { type DvcProject, findProject } from './project.ts';
import { stageRecord } from './records.ts';
import { repro } from './repro.ts';
import { type ResultFiles, readDvcResults, resultFiles, resultPaths } from './results.ts';
import { Unsure } from './unsure.ts';

export interface DvcParts {
  inputs: InputsOf<typeof action>;
  context: Context<typeof action>;
  supervisor: Supervisor;
  log: (line: string) => void;
}

/** The stages of a dvc.yaml: DVC runs them, and is not even started when it is certain that none has changed. */
export async function dvcWorkload(parts: DvcParts): Promise<DvcTraining> {
  const { workingDirectory: folder, github } = parts.context;
  return new DvcTraining(parts, await findProject(folder, github.workspace));
}

export class DvcTraining implements Workload {
  readonly #parts: DvcParts;
  readonly #project: DvcProject;
  readonly #store: Store | undefined;
  readonly #cache: DvcCache;
  readonly #dvc: DvcProgram;
  #memory: Memory = noMemory;
  /** Undefined where only DVC can tell what the project consists of. */
  #known: Known | undefined;
  #results: ResultFiles = { metrics: [], plots: [] };
  #prepared: Prepared | undefined;
  /** What DVC said; undefined as long as it was not needed. */
  #progress: ReproProgress | undefined;
  #committed: { text: string | undefined; lock: Lock } = { text: undefined, lock: new Map() };
  /** The lock that the decision was made by, and the one in the end. */
  #before: Lock = new Map();
  #after: Lock = new Map();
  #settled = false;
  #isLockChanged = false;

  constructor(parts: DvcParts, project: DvcProject) {
    this.#parts = parts;
    this.#project = project;
    const { inputs, context } = parts;
    const { github, signal } = context;
    this.#store = inputs.cache === 'off' ? undefined : cacheStore({ trigger: github, signal });
    this.#cache = new DvcCache(project.cache, project.temporary, this.#store);
    this.#dvc = new DvcProgram(project, inputs.dvcRemote, signal);
  }

  async run(): Promise<void> {
    const { dvcRemote } = this.#parts.inputs;
    const { cache, temporary } = this.#project;
    if (this.#store) this.#memory = await recall({ store: this.#store, cache, temporary }, this.#prefix());
    await this.#decide();
    await withRemote(dvcRemote, this.#project, () => this.#runStages());
    await this.#bringResults();
    this.#isLockChanged = await tellLock(
      this.#project,
      {
        ...{ text: this.#committed.text, before: this.#committed.lock },
        ...{ after: this.#known && this.#after, isPushed: this.#parts.inputs.dvcPush },
      },
      this.#parts.context,
    );
    await this.#push();
    this.#settled = true;
  }

  stages(): StageRecord[] {
    const judged = this.#prepared?.decision.judged ?? [];
    const told = this.#progress?.stages;
    const names = this.#prepared ? judged.map(({ stage }) => stage.name) : [...(told?.keys() ?? [])];
    return names.map((name) =>
      stageRecord({
        ...{ name, before: this.#before, after: this.#after, settled: this.#settled },
        judged: judged.find(({ stage }) => stage.name === name),
        told: told?.get(name),
        durationMs: this.#memory.durations[name],
        restored: this.#prepared?.restored ?? new Set(),
      }),
    );
  }

  /** DVC's digests are not ours, so those of results are taken from the files. */
  outputs(): [] {
    return [];
  }

  metrics(shown: (path: string) => string): Promise<Metrics & { files: string[] }> {
    return readDvcResults(this.#project.folder, this.#results, shown);
  }

  /** A changed dvc.lock goes with what it describes. */
  extras(): string[] {
    return this.#isLockChanged ? ['dvc.lock'] : [];
  }

  /** Finds out what has changed, and brings what is needed from the store; or leaves both to DVC. */
  async #decide(): Promise<void> {
    const { inputs, log } = this.#parts;
    const text = await lockText(this.#project);
    this.#committed = { text, lock: new Map() };
    try {
      this.#known = await readProject(this.#project, inputs.dvcTargets ?? []);
      this.#results = resultFiles(this.#known.file);
      const lock = await parsedLock(text);
      this.#committed = { text, lock };
      this.#after = this.#before = await this.#chosenLock(this.#known, lock);
      this.#prepared = await this.#prepare(this.#known);
    } catch (error) {
      if (!(error instanceof Unsure)) throw error;
      log(`DVC has to be asked what has changed: ${error.message}`);
      this.#known = undefined;
      this.#before = await parsedLock(text).catch((): Lock => new Map());
      const last = await parsedLock(this.#memory.lock).catch((): Lock => new Map());
      for (const { outs } of last.values())
        for (const content of outs.values()) await this.#cache.fetch(content);
    }
  }

  /** The committed lock, or that of the last run, which nobody may have committed. */
  async #chosenLock(known: Known, committed: Lock): Promise<Lock> {
    const { folder } = this.#project;
    const { lock: text } = this.#memory;
    if (text === undefined || text === this.#committed.text) return committed;
    const last = await parsedLock(text).catch(() => committed);
    if ((await betterLock(known, folder, [committed, last])) === committed) return committed;
    this.#parts.log('More is unchanged since the last run than since dvc.lock was committed.');
    await writeFile(join(folder, 'dvc.lock'), text);
    return last;
  }

  async #prepare(known: Known): Promise<Prepared> {
    const { inputs, log } = this.#parts;
    return prepare({
      ...{ project: this.#project, cache: this.#cache, known, log },
      ...{ lock: this.#before, committed: this.#committed.lock },
      runs: this.#store ? await cachedRuns(this.#cache.folder) : [],
      forced: forcedStages(known.stages, inputs),
      results: this.#resultPaths(),
      isPushed: inputs.dvcPush,
      pull: (paths) => this.#dvc.pull(paths),
    });
  }

  #resultPaths(): string[] {
    const { model, metrics } = this.#parts.inputs;
    const files = metrics ? { ...this.#results, metrics: [...metrics] } : this.#results;
    return [...(model === undefined ? [] : [model]), ...resultPaths(files)];
  }

  async #runStages(): Promise<void> {
    const { context, log } = this.#parts;
    const judged = this.#prepared?.decision.judged;
    if (judged?.every(({ verdict }) => verdict === 'unchanged')) {
      log(`Nothing has changed for ${judged.length} stages of dvc.yaml, so DVC is not started for them`);
      for (const { stage } of judged) log(`Skipped ${stage.name}${this.#savedBy(stage.name)}`);
      return;
    }
    const failure = await this.#repro();
    if (context.signal.aborted) throw failure;
    this.#after = await parsedLock(await lockText(this.#project)).catch((): Lock => new Map());
    await this.#keep().catch((error: unknown) => {
      if (failure === undefined) throw error;
      log(`The results of the stages that ran were not saved: ${String(error)}`);
    });
    if (failure !== undefined) throw failure;
  }

  #savedBy(name: string): string {
    const took = this.#memory.durations[name];
    return `: nothing it depends on has changed${took ? ` (it took ${duration(took)} when it ran)` : ''}`;
  }

  /** Runs the stages that DVC finds changed. Returns why they failed. */
  async #repro(): Promise<unknown> {
    const { inputs, context, supervisor } = this.#parts;
    const { checkpointKey, dvcTargets: targets = [], force, cache } = inputs;
    const { repository, sha } = context.github;
    const { decision, left = [] } = this.#prepared ?? {};
    const isForced = cache === 'off' || Boolean(force?.length);
    const program = findDvc(this.#project);
    const before = left.filter(({ use }) => use === 'before').map(({ path }) => path);
    if (before.length) await this.#dvc.pull(before);
    const unnoticed = decision?.judged.filter((judged) => judged.unnoticed) ?? [];
    await dropEntries(
      this.#project,
      unnoticed.map(({ stage }) => stage.name),
    );
    if (!decision && this.#dvc.hasRemote) await this.#dvc.pullAll();
    const isUnsure = decision?.judged.some(({ verdict }) => verdict === 'unsure') ?? false;
    const { progress, failure } = await repro({
      ...{ program, project: this.#project, supervisor, targets, reason: reasonOf(decision) },
      pulls: left.some(({ use }) => use === 'input') || (isUnsure && this.#dvc.hasRemote),
      usesRunCache: !isForced,
      allowsMissing: decision !== undefined,
      force: isForced && !decision,
      stages: decision?.judged.map(({ stage }) => stage.name),
      identity: hashText(canonical({ repository, key: checkpointKey ?? sha, targets })),
    });
    this.#progress = progress;
    return failure;
  }

  async #keep(): Promise<void> {
    if (!this.#store || !this.#progress) return;
    const { github } = this.#parts.context;
    await keepRuns(this.#progress, {
      ...{ store: this.#store, cache: this.#cache, project: this.#project, known: this.#known },
      ...{ lock: this.#after, memory: this.#memory, log: this.#parts.log },
      key: `${this.#prefix()}${github.runId}-${github.runAttempt}-${Date.now()}`,
    });
  }

  /** Fetches model, metrics and plots of stages that were skipped. Every run needs them, so they are kept here, too. */
  async #bringResults(): Promise<void> {
    const { folder } = this.#project;
    if (!this.#known || !this.#prepared) {
      this.#results = { metrics: await this.#dvc.metricsFiles(), plots: [] };
      return;
    }
    const missing = missingResults(this.#known, this.#after, { folder, results: this.#resultPaths() });
    const toPull: typeof missing = [];
    for (const [path, content] of missing) {
      if (await this.#cache.fetch(content)) await this.#cache.checkOut(content, join(folder, path));
      else toPull.push([path, content]);
      this.#prepared.restored.add(path);
    }
    if (toPull.length) await this.#dvc.pull(toPull.map(([path]) => path));
    for (const [, content] of toPull) await this.#cache.save(content);
  }

  async #push(): Promise<void> {
    const { inputs, context, log } = this.#parts;
    const ran = [...(this.#progress?.stages.values() ?? [])].filter(({ outcome }) => outcome === 'ran');
    if (!inputs.dvcPush || !ran.length) return;
    const reason = reasonNotToSave(context.github);
    if (reason !== undefined) log(`Nothing was pushed to the remote: ${reason}`);
    else await this.#dvc.push(ran.map(({ name }) => name));
  }

  #prefix(): string {
    const { inputs, context } = this.#parts;
    const { repository, workspace } = context.github;
    const { folder } = this.#project;
    return ledgerPrefix({
      ...{ tool: 'dvc', repository: repository ?? folder, folder: relative(workspace, folder) },
      ...{ matrix: inputs.matrix ?? {}, platform: `${process.platform} ${process.arch}` },
    });
  }
}

/** Why DVC is started, for the log. */
function reasonOf(decision: Decision | undefined): string {
  const [first, ...others] = decision?.judged.filter(({ verdict }) => verdict !== 'unchanged') ?? [];
  if (!first) return 'only DVC can tell what has changed';
  return `${first.stage.name}: ${first.reason}${others.length ? `, and ${others.length} more to decide about` : ''}`;
}
