import { gzipSync } from 'node:zlib';
import type { AliasChange, GateRecord, JobRecord, RunRecord, TrainingRecord } from '@mlops/core/record';
import {
  type Dashboard,
  detailsPerBlock,
  type Outcome,
  outcomes,
  type RunDetails,
  type RunTable,
} from './data.ts';
import { detailsOf, webAddress } from './details.ts';
import { SeriesOfModel } from './series.ts';

/** Of a commit's message no more is shown in the table. */
const charactersKept = 200;

/** Columns of the table with one entry a run. */
const columns = [
  ...(['id', 'attempt', 'started', 'durationMs', 'commit', 'message', 'refText', 'eventText'] as const),
  ...(['workflowText', 'actorText', 'urlText', 'outcome', 'modelsOf', 'stagesRun', 'stagesCached'] as const),
  ...(['savedMs', 'wattHours', 'co2Grams', 'detail'] as const),
];

type Columns = Pick<RunTable, (typeof columns)[number]>;
type Row = { [Key in keyof Columns]: Columns[Key][number] } & { cost: Map<string, number> };

/**
 * Makes a dashboard's data of records that come one at a time and in any order. No record is held: of each, a row
 * stays, and its details, compressed.
 */
export class DashboardCollector {
  readonly #texts = new Map<string, number>();
  readonly #rows: Row[] = [];
  readonly #rowOfPath = new Map<string, number>();
  readonly #models = new Map<string, { place: number; series: SeriesOfModel }>();
  readonly #details: Uint8Array[] = [];
  #pending: RunDetails[] = [];
  #repository: string | null = null;
  #leftOut = 0;

  /** @param path of the record on its branch, to which aliases point */
  add(path: string, record: RunRecord): void {
    const number = this.#rows.length;
    const { run, jobs } = record;
    const trainings = jobs.flatMap((job) => job.trainings.map((training) => ({ job, training })));
    for (const { job, training } of trainings)
      this.#model(training.name).series.add(number, run.ref, training, gateOf(training, job));
    const stages = trainings.flatMap(({ training }) => training.stages);
    const cached = stages.filter(({ outcome }) => outcome === 'skipped');
    const resources = trainings.flatMap(({ training }) => training.resources ?? []);
    this.#rowOfPath.set(path, number);
    this.#repository = run.repository ?? this.#repository;
    this.#rows.push({
      id: run.id,
      attempt: run.attempt,
      started: Math.floor(Date.parse(run.startedAt) / 1000),
      durationMs: Math.max(0, Date.parse(run.finishedAt) - Date.parse(run.startedAt)),
      commit: run.commit.slice(0, 12),
      message: run.message.slice(0, charactersKept),
      refText: this.#text(run.ref.replace(/^refs\/heads\//, '')),
      eventText: this.#text(run.event),
      workflowText: this.#text(run.workflow),
      actorText: this.#text(run.actor),
      urlText: this.#urlText(run),
      outcome: outcomes.indexOf(outcomeOf(record)),
      modelsOf: [...new Set(trainings.map(({ training }) => this.#model(training.name).place))],
      stagesRun: stages.filter(({ outcome }) => outcome === 'ran' || outcome === 'failed').length,
      stagesCached: cached.length,
      savedMs: Math.round(sum(cached.map(({ savedMs }) => savedMs)) ?? 0),
      wattHours: rounded(sum(resources.map(({ energy }) => energy.wattHours))),
      co2Grams: rounded(sum(resources.flatMap(({ energy }) => energy.co2Grams ?? []))),
      detail: number,
      cost: costsOf(resources.map(({ cost }) => cost)),
    });
    this.#pending.push(detailsOf(record));
    if (this.#pending.length === detailsPerBlock) this.#closeBlock();
  }

  /** Counts a record that could not be read. */
  leaveOut(): void {
    this.#leftOut++;
  }

  /** @param made when the page is made, seconds since 1970 */
  finish(aliasHistory: readonly AliasChange[], made: number): Dashboard {
    if (this.#pending.length) this.#closeBlock();
    const order = this.#rows
      .map((_, number) => number)
      .sort((a, b) => (this.#rows[b]?.started ?? 0) - (this.#rows[a]?.started ?? 0) || b - a);
    const rowOf = new Int32Array(order.length);
    order.forEach((number, row) => {
      rowOf[number] = row;
    });
    const rows = order.flatMap((number) => this.#rows[number] ?? []);
    const texts = [...this.#texts.keys()];
    const currencies = [...new Set(rows.flatMap(({ cost }) => [...cost.keys()]))].sort();
    return {
      runs: {
        repository: this.#repository,
        made,
        leftOut: this.#leftOut,
        texts,
        ...(Object.fromEntries(columns.map((name) => [name, rows.map((row) => row[name])])) as Columns),
        costs: currencies.map((currency) => ({
          currency,
          amount: rows.map(({ cost }) => rounded(cost.get(currency) ?? null)),
        })),
        models: [...this.#models.keys()],
        aliases: aliasHistory.map((change) => this.#aliasMoved(change, rowOf, rows, texts)),
      },
      models: [...this.#models.values()].map(({ series }) => series.finish(rowOf)),
      details: this.#details,
    };
  }

  #aliasMoved(
    { model, name, alias, at, author }: AliasChange,
    rowOf: Int32Array,
    rows: readonly Row[],
    texts: readonly string[],
  ): RunTable['aliases'][number] {
    const number = alias && this.#rowOfPath.get(alias.record);
    const row = number === undefined ? -1 : (rowOf[number] ?? -1);
    const actor = texts[rows[row]?.actorText ?? -1];
    const byHand = author !== 'github-actions[bot]';
    return {
      ...{ model, alias: name, row, byHand },
      // A run tells when it finished; by hand, the commit's time is when it was done.
      at: Math.floor(Date.parse((!byHand && validTime(alias?.since)) || at) / 1000),
      by: byHand ? author : (actor ?? author),
      target: alias ? { modelDigest: alias.modelDigest, revision: alias.revision } : null,
    };
  }

  #closeBlock(): void {
    this.#details.push(gzipSync(JSON.stringify(this.#pending), { level: 9 }));
    this.#pending = [];
  }

  #model(name: string): { place: number; series: SeriesOfModel } {
    let model = this.#models.get(name);
    if (!model) {
      model = { place: this.#models.size, series: new SeriesOfModel() };
      this.#models.set(name, model);
    }
    return model;
  }

  #urlText({ url, id }: RunRecord['run']): number {
    const address = webAddress(url);
    return address === null ? -1 : this.#text(address.replace(`/${id}`, '/{id}'));
  }

  #text(text: string): number {
    const place = this.#texts.get(text) ?? this.#texts.size;
    this.#texts.set(text, place);
    return place;
  }
}

/** The gate that judged a training: the one of its name, or the only one in its job that has none. */
function gateOf({ name }: TrainingRecord, job: JobRecord): GateRecord | undefined {
  const named = job.gates.find((gate) => gate.name === name);
  const sole = job.trainings.length === 1 && job.gates.length === 1 ? job.gates[0] : undefined;
  return named ?? sole;
}

function outcomeOf({ jobs }: RunRecord): Outcome {
  const verdicts = new Set(jobs.flatMap((job) => job.gates.map(({ verdict }) => verdict)));
  if (verdicts.has('fail')) return 'fail';
  if (jobs.some((job) => job.steps.some(({ outcome }) => outcome !== 'success'))) return 'error';
  return outcomes.find((outcome) => (verdicts as Set<Outcome>).has(outcome)) ?? 'none';
}

function costsOf(costs: readonly { amount: number; currency: string }[]): Map<string, number> {
  const all = new Map<string, number>();
  for (const { amount, currency } of costs) all.set(currency, (all.get(currency) ?? 0) + amount);
  return all;
}

/** Null for nothing. */
function sum(values: readonly number[]): number | null {
  return values.length ? values.reduce((total, value) => total + value, 0) : null;
}

function rounded(value: number | null): number | null {
  return value === null ? null : Number(value.toPrecision(6));
}

function validTime(time: string | undefined): string | undefined {
  return time !== undefined && Number.isFinite(Date.parse(time)) ? time : undefined;
}
