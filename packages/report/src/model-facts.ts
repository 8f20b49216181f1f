import type { EnvironmentRecord, JobRecord, RunRecord, TrainingRecord } from '@mlops/core/record';
import { bytesText, digestText, marks, measuredText } from './text.ts';

/** Of metrics and of parameters; all of them are in the training's own section. */
const shownOfEach = 20;

export interface ModelFacts {
  name: string;
  rows: [what: string, values: { label?: string; value: string }[]][];
}

/** What the record says of each model that the run made. */
export function modelFacts(record: RunRecord): ModelFacts[] {
  return record.jobs.flatMap((job) =>
    job.trainings.flatMap((training) => (training.model ? [factsOf(training, job, record)] : [])),
  );
}

function factsOf(training: TrainingRecord, job: JobRecord, record: RunRecord): ModelFacts {
  const { model, parameters, metrics } = training;
  const gates = gatesOf(training, job, record);
  const ruled = new Set(gates.flatMap(({ rules }) => rules.map(({ metric }) => metric)));
  const measured = Object.entries(metrics).map(([label, value]) => ({ label, value: measuredText(value) }));
  const rows: ModelFacts['rows'] = [
    ['Model', model ? [{ label: digestText(model.digest), value: bytesText(model.bytes) }] : []],
    [
      'Commit',
      [{ label: record.run.commit.slice(0, 7), value: record.run.dirty ? 'with uncommitted changes' : '' }],
    ],
    ['Environment', job.environments.map((one) => ({ value: environmentText(one) }))],
    [
      'Parameters',
      first(Object.entries(parameters).map(([label, value]) => ({ label, value: JSON.stringify(value) }))),
    ],
    // Those that a rule is about come first.
    ['Metrics', first(measured.toSorted((a, b) => Number(ruled.has(b.label)) - Number(ruled.has(a.label))))],
    ['Gate', gates.map(({ verdict }) => ({ value: `${marks[verdict]} ${verdict}` }))],
  ];
  return { name: training.name, rows: rows.filter(([, values]) => values.length > 0) };
}

/** The gates that judged this training: of its job, else of jobs that have only gates. */
function gatesOf(training: TrainingRecord, job: JobRecord, { jobs }: RunRecord) {
  const all = job.gates.length ? job.gates : jobs.flatMap((one) => (one.trainings.length ? [] : one.gates));
  return all.filter(({ name }) => name === undefined || name === 'model' || name === training.name);
}

function environmentText({ manager, python, lock, cuda }: EnvironmentRecord): string {
  return [
    `Python ${python} by ${manager}`,
    ...(lock ? [`lock ${digestText(lock.digest)}`] : []),
    ...(cuda ? [cuda.backend, ...cuda.gpus.map(({ name }) => name)] : []),
  ].join(', ');
}

function first<T extends { value: string }>(values: T[]): (T | { value: string })[] {
  const left = values.length - shownOfEach;
  return left > 0
    ? [...values.slice(0, shownOfEach), { value: `and ${left} more in the section of the training` }]
    : values;
}
