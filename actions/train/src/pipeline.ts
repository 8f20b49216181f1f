import { hashText } from '@mlops/core/hash';
import type { Environment } from './environment.ts';
import { explain } from './explain.ts';
import { duration, size } from './format.ts';
import type { Source } from './graph.ts';
import { type Facts, type InputDigest, stageKey } from './key.ts';
import type { Entry, Ledger } from './ledger.ts';
import { Stopped } from './limits.ts';
import type { OutputDigest, Outputs } from './outputs.ts';
import type { Parameter } from './parameters.ts';
import type { Stage } from './stages.ts';
import type { Supervisor } from './supervisor.ts';

/** A stage with everything it depends on that can be known before anything runs. */
export interface Planned {
  stage: Stage;
  sources: Source[];
  parameters: Record<string, Parameter>;
  /** Why it runs whatever has changed. */
  always: string | undefined;
  /** Whether the caller needs its outputs, too, not only later stages. */
  needed: boolean;
}

/** What became of a stage. */
export interface Settled {
  stage: Stage;
  outcome: 'ran' | 'skipped' | 'failed' | 'stopped';
  reason: string;
  key: string;
  facts: Facts;
  outputs: OutputDigest[];
  /** Whether the outputs came from the cache. */
  restored: boolean;
  startedAt: Date;
  durationMs: number;
  savedMs: number;
}

export interface Conditions {
  signal: AbortSignal;
  supervisor: Supervisor;
  /** Content of the inputs that no stage writes. */
  files: ReadonlyMap<string, InputDigest[]>;
  environment: Environment;
  platform: string;
  matrix: Readonly<Record<string, unknown>>;
  /** Of a repeated training; undefined otherwise. */
  seed: string | undefined;
  /** What makes an earlier checkpoint of a stage usable, given the stage's key. */
  identity: (stage: Stage, key: string) => string;
  ledger: Ledger;
  outputs: Outputs;
  log: (line: string) => void;
}

/** A result of an earlier run, and whether finding it has put its outputs on the disk. */
interface Known {
  entry: Entry;
  restored: boolean;
}

/**
 * Settles stages in order: skips those whose result is known, runs the others.
 *
 * Decisions are made from digests alone; outputs are fetched when a stage that runs, or the caller, needs them. When
 * they turn out to be gone from the cache, the stage that wrote them is settled anew, and whatever comes after it once
 * more: its result stands unless what it depends on has become different.
 */
export class Pipeline {
  readonly settled = new Map<string, Settled>();
  readonly #plan: readonly Planned[];
  readonly #conditions: Conditions;
  /** Stages whose outputs are needed and no longer in the cache. */
  readonly #gone = new Set<string>();

  constructor(plan: readonly Planned[], conditions: Conditions) {
    this.#plan = plan;
    this.#conditions = conditions;
  }

  async run(): Promise<void> {
    const needed = this.#plan.filter((planned) => planned.needed).map(({ stage }) => stage);
    for (let i = 0; i < this.#plan.length; ) {
      this.#conditions.signal.throwIfAborted();
      const gone = await this.#settle(this.#plan[i] as Planned);
      i = gone ? this.#indexOf(gone) : i + 1;
      if (i < this.#plan.length) continue;
      const goneInTheEnd = await this.#bringBack(needed);
      if (goneInTheEnd) i = this.#indexOf(goneInTheEnd);
    }
  }

  /** Settles one stage. Returns an earlier stage that has to be settled again first. */
  async #settle(planned: Planned): Promise<Stage | undefined> {
    const { stage } = planned;
    const startedAt = new Date();
    const facts = this.#factsOf(planned);
    const key = stageKey(facts);
    const before = this.settled.get(stage.name);
    if (before?.key === key && !this.#gone.has(stage.name)) return undefined;

    const known = this.#mayBeSkipped(planned) ? await this.#findResult(stage, key, facts) : undefined;
    if (known) {
      this.settled.set(stage.name, skipped(stage, known, startedAt));
      return this.#acceptSkipped(stage, known.entry);
    }
    const reason = this.#reasonToRun(planned, facts);
    const gone = await this.#bringBack(planned.sources.flatMap(({ producer }) => producer?.stage ?? []));
    if (gone) return gone;
    await this.#runStage(planned, { reason, key, facts });
    return undefined;
  }

  #mayBeSkipped({ stage, always }: Planned): boolean {
    return always === undefined && !this.#gone.has(stage.name);
  }

  #reasonToRun({ stage, always }: Planned, facts: Facts): string {
    if (this.#gone.has(stage.name)) return 'its outputs are needed, and no longer in the cache';
    return always ?? explain(facts, this.#conditions.ledger.newest(stage.name)?.facts);
  }

  /** The result of an earlier run with the same key: from the ledger, otherwise from the saved outputs themselves. */
  async #findResult(stage: Stage, key: string, facts: Facts): Promise<Known | undefined> {
    const { ledger, outputs } = this.#conditions;
    const entry = ledger.find(key);
    if (entry) return { entry, restored: false };
    const found = await outputs.findAndRestore(stage, key);
    return (
      found && { entry: { stage: stage.name, key, facts, outputs: found, durationMs: 0 }, restored: true }
    );
  }

  async #acceptSkipped(stage: Stage, entry: Entry): Promise<Stage | undefined> {
    const { ledger, outputs, log } = this.#conditions;
    ledger.add(entry.stage === stage.name ? entry : { ...entry, stage: stage.name });
    const took = entry.durationMs ? ` (it took ${duration(entry.durationMs)} when it ran)` : '';
    log(`Skipped ${stage.name}: nothing it depends on has changed${took}`);
    // Whoever reads the disk after this step must not find something else than what is recorded.
    if ((await outputs.state(entry.outputs)) !== 'different') return undefined;
    log(`  its outputs on the disk are not what it wrote: they are replaced`);
    return this.#bringBack([stage]);
  }

  /** Makes sure that the outputs of skipped stages are on the disk. Returns the first stage whose are gone. */
  async #bringBack(stages: readonly Stage[]): Promise<Stage | undefined> {
    const { outputs, ledger, log } = this.#conditions;
    for (const stage of new Set(stages)) {
      const result = this.settled.get(stage.name);
      if (result?.outcome !== 'skipped' || (await outputs.state(result.outputs)) === 'same') continue;
      const started = Date.now();
      if (await outputs.restore(stage, result.key, result.outputs)) {
        result.restored = true;
        log(
          `Restored the outputs of ${stage.name}: ${listed(result.outputs)} in ${duration(Date.now() - started)}`,
        );
        continue;
      }
      log(`The outputs of ${stage.name} are no longer in the cache: it runs again`);
      this.#gone.add(stage.name);
      ledger.forget(result.key);
      return stage;
    }
    return undefined;
  }

  async #runStage(planned: Planned, why: { reason: string; key: string; facts: Facts }): Promise<void> {
    const { stage } = planned;
    const { supervisor, identity, seed, outputs, ledger, log } = this.#conditions;
    const startedAt = new Date();
    const result: Settled = {
      ...{ stage, ...why, startedAt, outputs: [], restored: false, durationMs: 0, savedMs: 0 },
      outcome: 'failed',
    };
    this.settled.set(stage.name, result);
    try {
      await outputs.clear(stage);
      await supervisor.run({
        name: `stage '${stage.name}'${isSeeded(stage, seed) ? `, seed ${seed}` : ''}`,
        title: `Stage ${stage.name}`,
        reason: why.reason,
        script: stage.run,
        env: { MLOPS_SEED: isSeeded(stage, seed) ? seed : process.env.MLOPS_SEED },
        identity: identity(stage, why.key),
        fresh: planned.always === forced,
      });
      result.durationMs = Date.now() - startedAt.getTime();
      result.outputs = await outputs.read(stage);
      result.outcome = 'ran';
    } catch (error) {
      if (error instanceof Stopped) result.outcome = 'stopped';
      throw error;
    } finally {
      result.durationMs ||= Date.now() - startedAt.getTime();
    }
    this.#gone.delete(stage.name);
    const wrote = result.outputs.length ? ` and wrote ${listed(result.outputs)}` : '';
    log(`Ran ${stage.name}: it took ${duration(result.durationMs)}${wrote}`);
    if (!isKept(stage)) return;
    const saved = await outputs.save(why.key, result.outputs);
    if (saved?.reason) log(`  not saved: ${saved.reason}`);
    const { key, facts } = why;
    ledger.add({ stage: stage.name, key, facts, outputs: result.outputs, durationMs: result.durationMs });
  }

  #factsOf({ stage, sources, parameters }: Planned): Facts {
    const { files, environment, platform, matrix, seed } = this.#conditions;
    const inputs = sources.flatMap(({ input, producer }) =>
      producer ? this.#outputOf(producer.stage, producer.output) : (files.get(input) ?? []),
    );
    return {
      command: hashText(stage.run),
      // Two inputs may be parts of one output, or match the same file.
      inputs: [...new Map(inputs.map((input) => [input.path, input])).values()],
      parameters: Object.fromEntries(Object.entries(parameters).map(([name, { text }]) => [name, text])),
      outputs: stage.outputs,
      environment,
      platform,
      matrix,
      ...(isSeeded(stage, seed) ? { seed } : {}),
    };
  }

  #outputOf(producer: Stage, output: string): OutputDigest {
    const found = this.settled.get(producer.name)?.outputs.find(({ path }) => path === output);
    if (!found) throw new Error(`'${output}' of stage '${producer.name}' is not known yet`);
    return found;
  }

  #indexOf(stage: Stage): number {
    return this.#plan.findIndex((planned) => planned.stage === stage);
  }
}

function isSeeded(stage: Stage, seed: string | undefined): seed is string {
  return stage.seeded && seed !== undefined;
}

/** Why a stage runs that the input `force` names. */
export const forced = 'forced';

/** A stage that depends on nothing that is declared runs every time, so its result is never looked for. */
export function isKept(stage: Stage): boolean {
  return stage.inputs.length > 0 || stage.params.length > 0;
}

function skipped(stage: Stage, { entry, restored }: Known, startedAt: Date): Settled {
  const { key, facts, outputs, durationMs } = entry;
  return {
    ...{ stage, key, facts, outputs, startedAt, restored, savedMs: durationMs },
    outcome: 'skipped',
    reason: 'nothing it depends on has changed',
    durationMs: Date.now() - startedAt.getTime(),
  };
}

function listed(outputs: readonly OutputDigest[]): string {
  return outputs.map(({ path, bytes }) => `${path} (${size(bytes)})`).join(', ');
}
