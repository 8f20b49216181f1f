import { type EnvironmentRecord, givenInputs, type RunRecord } from '@mlops/core/record';
import { comparisons } from './comparison.ts';
import { type Model, modelsOf } from './models.ts';
import { intervalText, valueText } from './rule-text.ts';
import { bytesText, countText, digestText, jobName, marks } from './text.ts';

/** Of metrics, parameters and data; all of them are in the training's own section. */
const shownOfEach = 20;

export interface ModelFacts {
  name: string;
  rows: [what: string, values: Fact[]][];
}

interface Fact {
  label?: string;
  value: string;
}

/** What the record says of each model that the run made. */
export function modelFacts(record: RunRecord): ModelFacts[] {
  return modelsOf(record)
    .filter(({ training }) => training.model)
    .map((model) => factsOf(model, record));
}

function factsOf(model: Model, record: RunRecord): ModelFacts {
  const { training, job, gates } = model;
  const file = training.model;
  const rows: ModelFacts['rows'] = [
    ['Model', file ? [{ label: digestText(file.digest), value: bytesText(file.bytes) }] : []],
    [
      'Commit',
      [{ label: record.run.commit.slice(0, 7), value: record.run.dirty ? 'with uncommitted changes' : '' }],
    ],
    ['Environment', job.environments.map((one) => ({ value: environmentText(one) }))],
    ['Machine', [{ value: machineText(model) }]],
    ['Training data', dataFacts(model)],
    [
      'Parameters',
      first(
        Object.entries(training.parameters).map(([label, value]) => ({
          label,
          value: JSON.stringify(value),
        })),
      ),
    ],
    ['Metrics', first(metricFacts(model))],
    ['Gate', gates.map(({ verdict }) => ({ value: `${marks[verdict]} ${verdict}` }))],
    ['How to make it again', reproduction(model, record)],
  ];
  return { name: model.label, rows: rows.filter(([, values]) => values.length > 0) };
}

function dataFacts({ training }: Model): Fact[] {
  const data = givenInputs(training.stages);
  if (data.length === 0) return [];
  const bytes = data.reduce((sum, one) => sum + one.bytes, 0);
  return [
    { value: `${countText(data.length, 'input')}, ${bytesText(bytes)}` },
    ...first(data.map(({ path, digest }) => ({ label: path, value: digestText(digest) }))),
  ];
}

/** With their intervals; those that a rule is about come first. */
function metricFacts({ training, gates }: Model): Fact[] {
  const known = new Map(gates.flatMap((gate) => comparisons(gate)).map((one) => [one.metric, one]));
  const judged = [...known.values()].filter(({ candidate }) => candidate !== null);
  const others = Object.entries(training.metrics).filter(([metric]) => !known.has(metric));
  return [
    ...judged.map(({ metric, candidate, candidateInterval }) => ({
      label: metric,
      value: `${valueText(metric, candidate)}${candidateInterval ? ` ${intervalText(candidateInterval, metric)}` : ''}`,
    })),
    ...others.map(([label, value]) => ({ label, value: valueText(label, value) })),
  ];
}

function environmentText({ manager, python, lock, cuda }: EnvironmentRecord): string {
  return [
    `Python ${python} by ${manager}`,
    ...(lock ? [`lock ${digestText(lock.digest)}`] : []),
    ...(cuda ? [cuda.backend, ...cuda.gpus.map(({ name }) => name)] : []),
  ].join(', ');
}

function machineText({ job: { hardware }, training }: Model): string {
  const gpus = training.resources?.gpus.map(({ name }) => name) ?? [];
  return [`${hardware.os} ${hardware.arch}`, `${hardware.cores} × ${hardware.cpu}`, ...gpus].join(', ');
}

/** What has to be the same, and where the model itself is kept. */
function reproduction({ training, job }: Model, { run }: RunRecord): Fact[] {
  const seeds = Object.entries(training.determinism?.seeds ?? {}).map(([name, value]) => `${name}=${value}`);
  return [
    { label: `git checkout ${run.commit}`, value: run.repository ? `in ${run.repository}` : '' },
    ...job.environments.flatMap(({ lock, manager, python }) =>
      lock ? [{ label: lock.path, value: `installed by ${manager} for Python ${python}` }] : [],
    ),
    {
      value: `then job ${jobName(job)} of workflow ${run.workflow}${seeds.length ? `, seeds ${seeds.join(', ')}` : ''}`,
    },
    ...(training.model?.artifact && run.repository
      ? [
          {
            label: `gh run download ${run.id} --repo ${run.repository} --name ${training.model.artifact}`,
            value: 'has the model itself, as long as the artifact is kept',
          },
        ]
      : []),
  ];
}

function first(values: Fact[]): Fact[] {
  const left = values.length - shownOfEach;
  return left > 0
    ? [...values.slice(0, shownOfEach), { value: `and ${left} more in the section of the training` }]
    : values;
}
