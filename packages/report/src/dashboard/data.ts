import type { JobRecord, RunRecord } from '@mlops/core/record';

/**
 * What the dashboard's page carries: a table of all runs that it reads when it opens, and blocks that it reads when
 * somebody asks for them, of each model's numbers over all runs and of the details of a hundred runs each. Rows are
 * numbers of runs in that table, newest first. Times are seconds since 1970.
 */
export interface Dashboard {
  runs: RunTable;
  /** In the order of `runs.models`. */
  models: ModelSeries[];
  /** Each of `detailsPerBlock` runs, compressed as the page has it; `runs.detail` tells which run is where. */
  details: Uint8Array[];
}

export const detailsPerBlock = 100;

/** Of a run, the worst that happened: a step failed without the gate, or what the gates said. */
export const outcomes = ['error', 'fail', 'inconclusive', 'warn', 'pass', 'none'] as const;
export type Outcome = (typeof outcomes)[number];

/** Columns: ten thousand objects with the same keys are larger and slower to read. */
export interface RunTable {
  repository: string | null;
  /** When the page was made. */
  made: number;
  /** Records that could not be read. */
  leftOut: number;
  /** What occurs often, once; columns called `…Text` hold places in it, or -1 for none. */
  texts: string[];
  id: string[];
  attempt: number[];
  started: number[];
  durationMs: number[];
  commit: string[];
  message: string[];
  refText: number[];
  eventText: number[];
  workflowText: number[];
  actorText: number[];
  /** Address of the run on GitHub, with `{id}` in place of its id. */
  urlText: number[];
  /** Places in `outcomes`. */
  outcome: number[];
  /** Places in `models`, of what the run trained. */
  modelsOf: number[][];
  /** Stages that ran, and those whose results came from the cache. */
  stagesRun: number[];
  stagesCached: number[];
  /** What the cached stages took when they ran. */
  savedMs: number[];
  /** Null where nothing was measured. */
  wattHours: (number | null)[];
  co2Grams: (number | null)[];
  /** One for each currency, with an amount or null for each run. */
  costs: { currency: string; amount: (number | null)[] }[];
  detail: number[];
  models: string[];
  aliases: AliasMoved[];
}

/** One move of an alias, oldest first. */
export interface AliasMoved {
  model: string;
  alias: string;
  at: number;
  /** Who started the run, or committed the change to the branch otherwise. */
  by: string;
  /** Of the run whose model it points to; -1 where its record is gone or the alias was removed. */
  row: number;
  /** Null once it is removed. */
  target: { modelDigest: string; revision: string } | null;
  /** Whether something else than a run moved it. */
  byHand: boolean;
}

/** Numbers of one model over the runs, newest first. */
export interface ModelSeries {
  metrics: MetricSeries[];
  /** Metrics that there was no room for. */
  metricsLeftOut: number;
  stages: StageSeries[];
  /** Runs whose gate compared with another baseline than the run before on the same branch. */
  baselines: { row: number; name: string }[];
}

export interface MetricSeries {
  name: string;
  greaterIsBetter: boolean | null;
  row: number[];
  /** Null for what is not finite. */
  value: (number | null)[];
  /** The gate's interval, where there is one. */
  low?: (number | null)[];
  high?: (number | null)[];
}

export interface StageSeries {
  name: string;
  row: number[];
  /** What it took; of a cached stage, what it took when it ran. */
  ms: number[];
  cached: (0 | 1)[];
}

type Job = JobRecord;
type Listed<T> = { shown: T[]; more: number };

/** Of a run what a reader of the dashboard wants to know; the rest is in its record. */
export interface RunDetails {
  run: Pick<RunRecord['run'], 'commit' | 'dirty' | 'message'>;
  jobs: {
    job: string;
    matrix: string;
    durationMs: number;
    machine: string;
    steps: Pick<Job['steps'][number], 'action' | 'outcome' | 'durationMs' | 'error'>[];
  }[];
  gates: {
    name: string;
    verdict: Job['gates'][number]['verdict'];
    baseline: string | null;
    rules: Listed<Omit<Job['gates'][number]['rules'][number], 'slices'>>;
  }[];
  trainings: (Pick<Job['trainings'][number], 'name' | 'outcome' | 'durationMs'> & {
    modelDigest: string | null;
    metrics: Listed<[name: string, value: number | string]>;
    parameters: Listed<[name: string, value: string]>;
    stages: Listed<
      Pick<
        Job['trainings'][number]['stages'][number],
        'name' | 'outcome' | 'reason' | 'durationMs' | 'savedMs'
      >
    >;
    used: string | null;
  })[];
  packages: Pick<Job['packages'][number], 'name' | 'digest' | 'bytes'>[];
  deployments: Pick<
    Job['deployments'][number],
    'environment' | 'target' | 'outcome' | 'revision' | 'url' | 'reason'
  >[];
}
