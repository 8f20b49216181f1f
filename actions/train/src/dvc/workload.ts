import { rm, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { annotate, type Context, type InputsOf, UserError } from '@mlops/core';
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
import { decide } from './decide.ts';
import type { Lock } from './lock.ts';
import { changedEntries, lockDifference, withoutStages } from './lock-file.ts';
import { cachedRuns, type Memory, noMemory, recall, remember } from './memory.ts';
import { type Known, lockText, parsedLock, readProject } from './plan.ts';
import { type Prepared, prepare } from './prepare.ts';
import { findDvc, runDvc, withRemote } from './program.ts';
import type { ReproProgress } from './progress.ts';
import { type DvcProject, findProject } from './project.ts';
import { stageRecord } from './records.ts';
import { repro } from './repro.ts';
import { type ResultFiles, readDvcResults, resultFiles } from './results.ts';
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
    this.#cache = new DvcCache(project.cache, this.#store);
  }

  async run(): Promise<void> {
    const { inputs, log } = this.#parts;
    if (this.#store) this.#memory = await recall(this.#store, this.#project.cache, this.#prefix());
    const text = await lockText(this.#project);
    try {
      this.#known = await readProject(this.#project, inputs.dvcTargets ?? []);
      this.#results = resultFiles(this.#known.file);
      this.#committed = { text, lock: await parsedLock(text) };
      this.#after = this.#before = await this.#chooseLock(this.#known);
      this.#prepared = await this.#prepare(this.#known);
    } catch (error) {
      if (!(error instanceof Unsure)) throw error;
      log(`DVC has to be asked what has changed: ${error.message}`);
      this.#committed.text = text;
    }
    await withRemote(inputs.dvcRemote, this.#project, () => this.#runStages());
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

  /** The committed lock, or that of the last run where fewer stages have changed since. */
  async #chooseLock(known: Known): Promise<Lock> {
    const { folder } = this.#project;
    const { text, lock } = this.#committed;
    const last = this.#memory.lock;
    if (last === undefined || last === text) return lock;
    const situation = { ...known, folder, runs: [], forced: new Map<string, string>() };
    const unchanged = async (candidate: Lock) =>
      (await decide({ ...situation, lock: candidate })).judged.filter(
        ({ verdict }) => verdict === 'unchanged',
      ).length;
    const lastLock = await parsedLock(last).catch(() => undefined);
    if (!lastLock || (await unchanged(lastLock)) <= (await unchanged(lock))) return lock;
    this.#parts.log('More is unchanged since the last run than since dvc.lock was committed.');
    await writeFile(join(folder, 'dvc.lock'), last);
    return lastLock;
  }

  async #prepare(known: Known): Promise<Prepared> {
    const { inputs, log } = this.#parts;
    return prepare({
      ...{ project: this.#project, cache: this.#cache, known, log },
      ...{ lock: this.#before, committed: this.#committed.lock },
      runs: this.#store ? await cachedRuns(this.#project.cache) : [],
      forced: this.#forced(known),
      results: this.#resultPaths(),
      isPushed: inputs.dvcPush,
      pull: (paths) => withRemote(inputs.dvcRemote, this.#project, () => this.#pull(paths)),
    });
  }

  #forced({ stages }: Known): Map<string, string> {
    const { force = [], cache } = this.#parts.inputs;
    const names = stages.map(({ name }) => name);
    const isNamed = (name: string) => force.includes(name) || force.includes(name.replace(/@[^@]*$/, ''));
    const unknown = force.find(
      (wish) => wish !== 'all' && !names.some((name) => name === wish || name.startsWith(`${wish}@`)),
    );
    if (unknown !== undefined)
      throw new UserError(`input force: there is no stage '${unknown}'`, {
        advice: `Stages: ${names.join(', ')}.`,
      });
    const chosen = names.filter((name) => force.includes('all') || isNamed(name));
    if (cache === 'off') return new Map(names.map((name) => [name, 'the cache is off']));
    return new Map(chosen.map((name) => [name, 'forced']));
  }

  #resultPaths(): string[] {
    const { model, metrics } = this.#parts.inputs;
    const { plots, metrics: named } = this.#results;
    return [
      ...(model === undefined ? [] : [model]),
      ...(metrics ?? named),
      ...plots.flatMap(({ name, y }) =>
        typeof y === 'object' && !Array.isArray(y) ? Object.keys(y) : [name],
      ),
    ];
  }

  async #runStages(): Promise<void> {
    const { log } = this.#parts;
    const { decision, left } = this.#prepared ?? {};
    const running = decision?.judged.filter(({ verdict }) => verdict !== 'unchanged');
    if (decision && !running?.length) {
      log(
        `Nothing has changed for ${decision.judged.length} stages of dvc.yaml, so DVC is not started for them`,
      );
      this.#tellSkipped();
    } else await this.#repro();
    const missing = (left ?? []).filter(({ use }) => use === 'result').map(({ path }) => path);
    if (missing.length) {
      await this.#pull(missing);
      for (const path of missing) this.#prepared?.restored.add(path);
    }
    await this.#keepResults(missing);
    await this.#tellLock();
    await this.#push();
  }

  async #repro(): Promise<void> {
    const { inputs, context, supervisor, log } = this.#parts;
    const { decision, left = [] } = this.#prepared ?? {};
    const program = findDvc(this.#project);
    const before = left.filter(({ use }) => use === 'before').map(({ path }) => path);
    if (before.length) await this.#pull(before);
    await this.#dropEntries(decision?.judged.filter(({ unnoticed }) => unnoticed) ?? []);
    const isUnsure = decision?.judged.some(({ verdict }) => verdict === 'unsure') ?? false;
    const hasRemote = this.#project.remotes.default !== undefined || inputs.dvcRemote !== undefined;
    if (!decision && hasRemote) await this.#pull(['--allow-missing']);
    const { repository, sha } = context.github;
    const { progress, failure } = await repro({
      ...{ program, project: this.#project, supervisor, reason: this.#reason() },
      targets: inputs.dvcTargets ?? [],
      pulls: left.some(({ use }) => use === 'input') || (isUnsure && hasRemote),
      usesRunCache: inputs.cache !== 'off' && !inputs.force?.length,
      allowsMissing: decision !== undefined,
      force: !decision && (inputs.cache === 'off' || Boolean(inputs.force?.length)),
      stages: decision?.judged.map(({ stage }) => stage.name),
      identity: hashText(
        canonical({ repository, key: inputs.checkpointKey ?? sha, targets: inputs.dvcTargets ?? [] }),
      ),
    });
    this.#progress = progress;
    await this.#readAfter(context.signal);
    await this.#save(progress).catch((error: unknown) => {
      if (failure === undefined) throw error;
      log(`The results of the stages that ran were not saved: ${String(error)}`);
    });
    if (failure !== undefined) throw failure;
  }

  #reason(): string {
    const running = this.#prepared?.decision.judged.filter(({ verdict }) => verdict !== 'unchanged') ?? [];
    const [first] = running;
    if (!first) return 'only DVC can tell what has changed';
    const rest = running.length - 1;
    return `${first.stage.name}: ${first.reason}${rest ? `, and ${rest} more to decide about` : ''}`;
  }

  /** DVC takes a stage whose entry is missing for changed. */
  async #dropEntries(judged: readonly { stage: { name: string } }[]): Promise<void> {
    const text = await lockText(this.#project);
    if (!judged.length || text === undefined) return;
    const path = join(this.#project.folder, 'dvc.lock');
    const rest = await withoutStages(
      text,
      judged.map(({ stage }) => stage.name),
    );
    await (rest === undefined ? rm(path) : writeFile(path, rest));
  }

  async #readAfter(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const text = await lockText(this.#project);
    this.#after = await parsedLock(text).catch((): Lock => new Map());
    if (!this.#known) this.#before = await parsedLock(this.#committed.text).catch((): Lock => new Map());
  }

  /** Keeps the outputs of the stages that ran, and how to find them. */
  async #save({ stages }: ReproProgress): Promise<void> {
    const { context, log } = this.#parts;
    const store = this.#store;
    if (!store || context.signal.aborted) return;
    const durations = { ...this.#memory.durations };
    for (const { name, outcome, durationMs } of stages.values()) {
      const entry = this.#after.get(name);
      if (outcome !== 'ran' || !entry) continue;
      durations[name] = durationMs;
      const stage = this.#known?.stages.find((each) => each.name === name);
      for (const [written, content] of entry.outs) {
        const path = stage?.outs.find((out) => stage.written(out.path) === written)?.path ?? written;
        await this.#cache.add(content, join(this.#project.folder, path));
        const reason = await this.#cache.save(content);
        if (reason !== undefined) log(`${path} of ${name} was not saved: ${reason}`);
      }
    }
    const { runId, runAttempt } = context.github;
    const memory = { lock: await lockText(this.#project), durations };
    await remember(
      memory,
      store,
      this.#project.cache,
      `${this.#prefix()}${runId}-${runAttempt}-${Date.now()}`,
    );
  }

  /** Model and metrics are needed by every run, so they need not come from the remote each time. */
  async #keepResults(paths: readonly string[]): Promise<void> {
    for (const { path, content } of this.#prepared?.left ?? [])
      if (this.#store && paths.includes(path)) await this.#cache.save(content);
  }

  #tellSkipped(): void {
    for (const { name, savedMs } of this.stages())
      this.#parts.log(
        `Skipped ${name}: nothing it depends on has changed${savedMs ? ` (it took ${duration(savedMs)} when it ran)` : ''}`,
      );
  }

  async #pull(paths: readonly string[]): Promise<void> {
    const { inputs, context } = this.#parts;
    const remote = inputs.dvcRemote === undefined ? [] : ['--remote', inputs.dvcRemote];
    await runDvc(findDvc(this.#project), ['pull', ...remote, ...paths], {
      project: this.#project,
      signal: context.signal,
    });
  }

  /** dvc.lock is the project's own: it is never committed here, but what it says may be worth keeping. */
  async #tellLock(): Promise<void> {
    const { context, inputs } = this.#parts;
    const { folder } = this.#project;
    const { text, lock } = this.#committed;
    const now = await lockText(this.#project);
    if (now === text) return;
    const changed = changedEntries(lock, this.#after);
    // A stage that ran again with the same result leaves its entry at another place.
    if (!changed.length && text !== undefined && this.#known)
      return writeFile(join(folder, 'dvc.lock'), text);
    this.#isLockChanged = true;
    const { workspace } = context.github;
    const file = relative(workspace, join(folder, 'dvc.lock')).split(sep).join('/');
    const keep = inputs.dvcPush
      ? `Take ${file} from the artifact and commit it.`
      : `Run 'dvc repro' where you work and commit ${file}, or set 'dvc-push: true' and commit the one from the artifact.`;
    annotate('notice', `${file} is not that of the commit any more (${changed.join(', ')}). ${keep}`, {
      title: 'dvc.lock changed',
    });
    const difference = await lockDifference(folder, context.signal);
    if (difference) context.summary.push(`### ${file} has changed\n\n${keep}\n\n${difference}`);
  }

  async #push(): Promise<void> {
    const { inputs, context, log } = this.#parts;
    const ran = [...(this.#progress?.stages.values() ?? [])].filter(({ outcome }) => outcome === 'ran');
    if (!inputs.dvcPush || !ran.length) return;
    const reason = reasonNotToSave(context.github);
    if (reason !== undefined) return log(`Nothing was pushed to the remote: ${reason}`);
    const remote = inputs.dvcRemote === undefined ? [] : ['--remote', inputs.dvcRemote];
    const args = ['push', ...remote, ...ran.map(({ name }) => name)];
    await runDvc(findDvc(this.#project), args, { project: this.#project, signal: context.signal });
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
