import type { GateRecord, JobRecord, RunRecord, TrainingRecord } from '@mlops/core/record';
import { jobName } from './text.ts';

/** A training of the run, the job it ran in, and the gates that judged it. */
export interface Model {
  /** The training's name, with that of the job where several trainings share it. */
  label: string;
  training: TrainingRecord;
  job: JobRecord;
  gates: GateRecord[];
  /** Those of them that judged other trainings, too. */
  shared: GateRecord[];
}

/** The trainings of a run, in the order of its jobs; legs of a matrix are one each. */
export function modelsOf(record: RunRecord): Model[] {
  const found = record.jobs.flatMap((job) => job.trainings.map((training) => ({ training, job })));
  const names = timesOf(found.map(({ training }) => training.name));
  const gates = found.map(({ training, job }) => gatesOf(training, job, record));
  const judged = timesOf(gates.flat());
  return found.map(({ training, job }, i) => ({
    label: (names.get(training.name) ?? 0) > 1 ? `${training.name}, ${jobName(job)}` : training.name,
    ...{ training, job, gates: gates[i] ?? [] },
    shared: (gates[i] ?? []).filter((gate) => (judged.get(gate) ?? 0) > 1),
  }));
}

function timesOf<T>(values: readonly T[]): Map<T, number> {
  const times = new Map<T, number>();
  for (const value of values) times.set(value, (times.get(value) ?? 0) + 1);
  return times;
}

/** Gates that judged several of the trainings, or one that was not recorded. */
export function gatesApart({ jobs }: RunRecord, models: readonly Model[]): GateRecord[] {
  const own = new Set(models.flatMap(({ gates, shared }) => gates.filter((gate) => !shared.includes(gate))));
  return jobs.flatMap((job) => job.gates).filter((gate) => !own.has(gate));
}

/** Those of its job, else of jobs that have only gates. */
function gatesOf(training: TrainingRecord, job: JobRecord, { jobs }: RunRecord): GateRecord[] {
  const all = job.gates.length ? job.gates : jobs.flatMap((one) => (one.trainings.length ? [] : one.gates));
  return all.filter(({ name }) => name === undefined || name === 'model' || name === training.name);
}

/** More columns than these are wider than any page. */
const mostMetrics = 6;

/** The metrics that trainings are compared by: those that rules are about, else the first. */
export function mainMetrics(models: readonly Model[]): string[] {
  const ruled = models.flatMap(({ gates }) =>
    gates.flatMap(({ rules }) => rules.map(({ metric }) => metric)),
  );
  const measured = models.flatMap(({ training }) => Object.keys(training.metrics));
  return [...new Set(ruled.length ? ruled : measured)].slice(0, mostMetrics);
}

/** Undefined where there is no gate. */
export function worstVerdict(gates: readonly GateRecord[]): GateRecord['verdict'] | undefined {
  return (['fail', 'inconclusive', 'warn', 'pass'] as const).find((one) =>
    gates.some(({ verdict }) => verdict === one),
  );
}
