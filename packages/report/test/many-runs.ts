import { createHash } from 'node:crypto';
import type { AliasChange, GateRecord, JobRecord, RunRecord, TrainingRecord } from '@mlops/core/record';
import { random as seeded } from '@mlops/testkit/random';

type Random = () => number;

/** Records of a project that has run for a long time: the same count and seed give the same runs, oldest first. */
export function* manyRuns(count: number, seed = 1): Generator<RunRecord> {
  const random = seeded(seed);
  const step = (700 * 86_400_000) / Math.max(1, count);
  const end = Date.UTC(2026, 0, 31, 9);
  let baseline = 0;
  for (let i = 0; i < count; i++) {
    const at = end - (count - i) * step + random() * step * 0.8;
    const record = oneRun(i, count, at, baseline, random);
    if (record.jobs.some(({ deployments }) => deployments.length)) baseline = i;
    yield record;
  }
}

/** What the branch's history tells of the aliases of these runs, for whoever has no branch. */
export function aliasChangesOf(records: Iterable<RunRecord>): AliasChange[] {
  return [...records].flatMap((record) =>
    record.jobs.flatMap((job) =>
      job.deployments.map(({ environment, revision, modelDigest }) => ({
        model: job.trainings[0]?.name ?? 'model',
        name: environment,
        alias: {
          record: pathOf(record),
          modelDigest: modelDigest ?? '',
          revision,
          since: record.run.finishedAt,
        },
        at: record.run.finishedAt,
        author: 'github-actions[bot]',
      })),
    ),
  );
}

/** Where the record store puts a record. */
export function pathOf({ run }: RunRecord): string {
  return `runs/${run.ref.replace('refs/', '')}/${run.finishedAt.replaceAll(':', '').replace(/\.\d+Z$/, 'Z')}-${run.id}-${run.attempt}.json`;
}

const people = ['ada', 'grace', 'katherine', 'mary', 'dependabot[bot]'];
const changes = ['Deepen the trees', 'Drop leaky features', 'Retrain on January', 'Tune the learning rate'];

function oneRun(i: number, count: number, at: number, baseline: number, random: Random): RunRecord {
  const pick = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)] as T;
  const branch = random() < 0.6 ? 'main' : random() < 0.4 ? 'develop' : `feature/idea-${Math.floor(i / 40)}`;
  const model = random() < 0.75 ? 'churn' : 'ranker';
  const minutes = 4 + 14 * random() + (random() < 0.03 ? 60 : 0);
  const time = (offset: number) => new Date(at + offset * 60_000).toISOString();
  const accuracy = 0.86 + 0.08 * (i / count) + 0.012 * (random() - 0.5) - (branch === 'main' ? 0 : 0.01);
  const broken = random() < 0.04;
  const training = trainingOf(model, i, accuracy, minutes, random);
  const gate = gateOf(model, accuracy, baseline, random);
  const deploys = branch === 'main' && gate.verdict === 'pass' && !broken && random() < 0.04;
  const job: JobRecord = {
    ...{ schema: 1, job: 'train', matrix: null, attempt: 1, startedAt: time(0), finishedAt: time(minutes) },
    hardware: { os: 'linux', arch: 'x64', cpu: 'EPYC 7763', cores: 4, memoryBytes: 16e9, runner: 'ubuntu' },
    steps: [
      { action: 'setup-python-cuda', startedAt: time(0), durationMs: 9_000, outcome: 'success' },
      broken
        ? {
            ...{ action: 'train', startedAt: time(1), durationMs: 60_000, outcome: 'failure' },
            error: "stage 'train' failed with exit code 1",
          }
        : { action: 'train', startedAt: time(1), durationMs: minutes * 50_000, outcome: 'success' },
    ],
    environments: [],
    trainings: [training],
    gates: broken ? [] : [gate],
    packages: [],
    images: [],
    modelArtifacts: [],
    deployments: deploys ? [deploymentOf(i, training)] : [],
  };
  return {
    schema: 1,
    run: {
      id: String(9_000_000_000 + i * 37),
      attempt: random() < 0.03 ? 2 : 1,
      repository: 'acme/churn',
      workflow: 'ML',
      event: branch === 'main' && random() < 0.3 ? 'schedule' : 'push',
      ref: `refs/heads/${branch}`,
      commit: digestOf(`commit ${i}`).slice(7, 47),
      dirty: false,
      message: `${pick(changes)} (#${i})`,
      actor: pick(people),
      url: `https://github.com/acme/churn/actions/runs/${9_000_000_000 + i * 37}`,
      startedAt: time(0),
      finishedAt: time(minutes),
    },
    jobs: [job],
  };
}

function trainingOf(
  name: string,
  i: number,
  accuracy: number,
  minutes: number,
  random: Random,
): TrainingRecord {
  const watts = 40 + 30 * random();
  return {
    name,
    outcome: 'finished',
    stages: ['data', 'features', 'train', 'evaluate'].map((stage, place) => {
      const cached = place < 2 && random() < 0.7;
      const took = minutes * (place === 2 ? 36_000 : 4_000) * (0.8 + 0.4 * random());
      return {
        ...{ name: stage, outcome: cached ? 'skipped' : 'ran', key: digestOf(`${stage} ${i}`) },
        reason: cached ? 'nothing changed' : 'params train.max_depth changed: 6 → 8',
        ...{ durationMs: cached ? 5 : took, savedMs: cached ? took : 0 },
        ...{ startedAt: new Date(0).toISOString(), inputs: [], outputs: [], parameters: {} },
      };
    }),
    parameters: {
      'train.learning_rate': Number((0.05 + 0.1 * random()).toFixed(3)),
      'train.max_depth': 4 + Math.floor(6 * random()),
      'data.seed': 7,
    },
    metrics: {
      accuracy,
      auc: Math.min(1, accuracy + 0.04 + 0.01 * random()),
      log_loss: i % 997 === 500 ? 'NaN' : 1.2 - accuracy + 0.02 * random(),
      f1: accuracy - 0.03 + 0.02 * random(),
      'latency.p95_ms': 18 + 6 * random(),
      'train.accuracy': Math.min(1, accuracy + 0.05),
    },
    curves: {},
    model: { path: 'model', digest: digestOf(`model ${i}`), bytes: 182_000, artifact: name },
    durationMs: minutes * 50_000,
    resources: {
      ...{ durationMs: minutes * 50_000, cores: 4, memoryBytes: 16e9, cpuMean: 0.7 },
      ...{ memoryPeakBytes: 5e9, diskFreeLeastBytes: 4e10, processes: null },
      ...{ seconds: [], cpu: [], memory: [], diskFree: [], gpus: [] },
      energy: {
        ...{ wattHours: (watts * minutes) / 60, cpuWattHours: (watts * minutes) / 60 },
        ...{ cpuSource: 'estimate', gpuWattHours: null, co2Grams: (watts * minutes * 0.4) / 60 },
      },
      cost: { amount: minutes * 0.008, currency: 'USD', basis: "GitHub's price for Linux X64" },
    },
  };
}

function gateOf(name: string, accuracy: number, baseline: number, random: Random): GateRecord {
  const half = 0.006 + 0.004 * random();
  const verdict = accuracy - half > 0.862 ? 'pass' : accuracy + half < 0.862 ? 'fail' : 'inconclusive';
  return {
    ...{ name, verdict, passed: verdict === 'pass' },
    baseline: {
      ...{ kind: 'alias', ref: 'alias:production', commit: digestOf(`commit ${baseline}`).slice(7, 47) },
      modelDigest: digestOf(`model ${baseline}`),
    },
    rules: [
      {
        ...{ metric: 'accuracy', rule: 'threshold', bound: 0.862, candidate: accuracy, baseline: null },
        ...{ change: null, greaterIsBetter: true, severity: 'fail', verdict },
        interval: { low: accuracy - half, high: accuracy + half, confidence: 0.95 },
        explanation: `${accuracy.toFixed(4)} against 0.862`,
      },
    ],
  };
}

function deploymentOf(i: number, { model }: TrainingRecord): JobRecord['deployments'][number] {
  return {
    ...{
      target: 'host',
      environment: 'production',
      outcome: 'deployed',
      revision: digestOf(`r${i}`).slice(7, 19),
    },
    ...{
      previousRevision: null,
      url: 'https://models.example.com',
      digest: null,
      durationMs: 2_000,
      smoke: [],
    },
    ...{ modelDigest: model?.digest ?? null, reason: null },
  };
}

function digestOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}
