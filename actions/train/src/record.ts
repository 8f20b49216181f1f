import { measuredOf, type StageRecord, type TrainingRecord } from '@mlops/core/record';
import { thin } from '@mlops/metrics';
import type { Parameters } from './parameters.ts';
import type { Planned, Settled } from './pipeline.ts';
import type { Results } from './results.ts';
import { means, spread } from './seeds.ts';
import type { CheckpointFacts } from './supervisor.ts';
import type { Workload } from './workload.ts';

type Json = StageRecord['parameters'][string];

/** Points of a curve that a record keeps: enough for a chart, few enough for a document that every job carries. */
const pointsKept = 500;

/** What is known of a training, at its end or as far as it got. */
export interface Progress {
  name: string;
  parameters: Parameters | undefined;
  outcome: NonNullable<TrainingRecord['outcome']>;
  /** Of the seed that is trained with, or was last. */
  workload?: Workload;
  results?: Results | undefined;
  /** What came of each seed of a repeated training. */
  repeats: Repeat[];
  /** Name of the artifact that holds the model. */
  artifact?: string | undefined;
  checkpoints?: CheckpointFacts | undefined;
  resources?: TrainingRecord['resources'];
  determinism?: TrainingRecord['determinism'];
}

type Repeat = NonNullable<TrainingRecord['repeats']>[number];

/** A training's part of the run record. */
export function trainingRecord(progress: Progress, durationMs: number): TrainingRecord {
  const { name, workload, parameters, results, repeats, artifact, checkpoints, resources, determinism } =
    progress;
  const ofSeeds = repeats.map(({ metrics }) => metrics);
  return {
    name,
    outcome: progress.outcome,
    stages: workload?.stages() ?? [],
    parameters: Object.fromEntries(
      [...(parameters?.all ?? [])].map(([key, { value }]) => [key, jsonOf(value)]),
    ),
    metrics: repeats.length ? means(ofSeeds) : metricsRecord(results),
    ...(repeats.length ? { repeats: repeats.toReversed(), spread: spread(ofSeeds) } : listsRecord(results)),
    curves: Object.fromEntries(
      [...(results?.metrics.curves ?? [])].map(([name, points]) => [
        name,
        thin(points, pointsKept).map(({ step, value }) => ({ step, value: measuredOf(value) })),
      ]),
    ),
    model: results?.model ? { ...results.model, artifact: artifact ?? null } : null,
    ...(checkpoints ? { checkpoints: checkpointRecord(checkpoints) } : {}),
    ...(resources ? { resources } : {}),
    ...(determinism ? { determinism } : {}),
    durationMs,
  };
}

function checkpointRecord({
  resumedFrom,
  newest,
  saves,
  bytes,
}: CheckpointFacts): TrainingRecord['checkpoints'] {
  return { resumedFrom: resumedFrom?.sequence ?? null, newest: newest?.sequence ?? null, saves, bytes };
}

export function metricsRecord(results: Results | undefined): TrainingRecord['metrics'] {
  return Object.fromEntries(
    [...(results?.metrics.values ?? [])].map(([name, value]) => [name, measuredOf(value)]),
  );
}

function listsRecord(results: Results | undefined): Pick<TrainingRecord, 'lists'> {
  const lists = [...(results?.metrics.lists ?? [])];
  return lists.length
    ? { lists: Object.fromEntries(lists.map(([name, values]) => [name, values.map(measuredOf)])) }
    : {};
}

export function stageRecord({ stage, parameters }: Planned, result: Settled | undefined): StageRecord {
  return {
    name: stage.name,
    outcome: result?.outcome ?? 'not-reached',
    reason: result?.reason ?? 'the run ended before it',
    key: result?.key ?? null,
    durationMs: result?.durationMs ?? 0,
    savedMs: result?.savedMs ?? 0,
    startedAt: (result?.startedAt ?? new Date()).toISOString(),
    inputs: [...(result?.facts.inputs ?? [])],
    outputs: (result?.outputs ?? []).map((output) => ({ ...output, restored: result?.restored ?? false })),
    parameters: Object.fromEntries(
      Object.entries(parameters).map(([key, { value }]) => [key, jsonOf(value)]),
    ),
  };
}

/** A parameter as JSON holds it: NaN and infinities as text, dates as ISO 8601. */
function jsonOf(value: unknown): Json {
  return JSON.parse(
    JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'number' ? measuredOf(inner) : inner)) ??
      'null',
  ) as Json;
}
