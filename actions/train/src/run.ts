import { homedir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { type Context, debug, type InputsOf, messageOf, milliseconds, throwAll } from '@mlops/core';
import { type Hasher, hashText, openHasher } from '@mlops/core/hash';
import type { TrainingRecord } from '@mlops/core/record';
import { reasonNotToSave } from '@mlops/core/store';
import type { action } from './action.ts';
import { artifactName, upload } from './artifact.ts';
import { checkpointDirProblems, checkpointStore, projectOf, runOf } from './checkpoints/place.ts';
import { duration, size } from './format.ts';
import { limitsOf, Stopped } from './limits.ts';
import { nativeWorkload } from './native.ts';
import { type Parameters, readParameters, withValues } from './parameters.ts';
import { defaultMetrics, plan } from './plan.ts';
import { metricsRecord, type Progress, trainingRecord } from './record.ts';
import { Freshness, type Results, readResults } from './results.ts';
import { seedsOf } from './seeds.ts';
import { subjectOf } from './subject.ts';
import { summaryOf } from './summary.ts';
import { Supervisor, type SupervisorOptions, WorkFailed } from './supervisor.ts';
import { tellUnfinished } from './unfinished.ts';
import type { Workload } from './workload.ts';

type Inputs = InputsOf<typeof action>;
type TrainContext = Context<typeof action>;

/** What the parts of a training share. */
interface Training {
  inputs: Inputs;
  context: TrainContext;
  parameters: Parameters | undefined;
  hasher: Hasher;
  supervisor: Supervisor;
  progress: Progress;
}

/** Trains: runs what has to run, reads model and metrics, and keeps both. */
export async function train(given: Inputs, context: TrainContext): Promise<void> {
  const started = Date.now();
  const { workingDirectory: folder, github, signal, record, outputs } = context;
  const name = artifactName(given.artifactName ?? (context.project || 'model'), given.matrix ?? {});
  record.matrix = given.matrix ?? null;
  Object.assign(outputs, { artifactName: name, finished: false });

  const subject = await subjectOf(given, context, log);
  const inputs = { ...given, run: subject.run };
  const seeds = seedsOf(inputs);
  const { checkpointDir } = inputs;
  if (checkpointDir !== undefined) throwAll(checkpointDirProblems(checkpointDir, inputs.run));
  const parameters = withValues(
    await readParameters(folder, inputs.paramsFile, github.workspace),
    subject.parameters,
  );
  const open = workloads(inputs, context, parameters);
  const hasher = await openHasher({ statCacheFile: statCacheFile(folder), signal });
  const supervisor = new Supervisor(supervision(inputs, context, started));
  const progress: Progress = { name, parameters, repeats: [], outcome: 'failed' };
  const training = { inputs, context, parameters, hasher, supervisor, progress };
  let failure: unknown;
  try {
    for (const seed of seeds) await trainOnce(seed, await open(seed, training), training, started);
    await supervisor.finished();
    progress.outcome = 'finished';
  } catch (error) {
    failure = error;
    progress.outcome = outcomeOf(error, signal);
  }
  await supervisor.close();
  progress.checkpoints = inputs.checkpointDir === undefined ? undefined : supervisor.checkpoints;
  progress.resources = await supervisor.resources();
  const costBefore = supervisor.checkpoints.resumedFrom?.spent.cost ?? 0;
  outputs.cost = costBefore + (progress.resources?.cost.amount ?? 0);
  if (progress.resources) progress.determinism = await determinism(training);
  await hasher.close().catch((error: unknown) => debug(messageOf(error)));
  tell(trainingRecord(progress, Date.now() - started), context);
  if (failure instanceof Stopped) {
    const stages = progress.workload?.stages() ?? [];
    tellUnfinished(failure, inputs, {
      checkpoints: supervisor.checkpoints,
      stages: reasonNotToSave(github) ? [] : stages,
    });
  } else if (failure !== undefined) throw failure;
}

type Open = (seed: string | undefined, training: Training) => Promise<Workload>;

/** What is trained, once for each seed; mistakes in how it is written are found before anything is opened. */
function workloads(inputs: Inputs, context: TrainContext, parameters: Parameters | undefined): Open {
  const { run } = inputs;
  if (run === undefined)
    return async (_, training) => (await import('./dvc/workload.ts')).dvcWorkload({ ...training, log });
  const planned = plan({ ...inputs, run }, parameters, context.workingDirectory);
  return (seed, training) => nativeWorkload({ ...training, planned, seed, log });
}

/** Trains with one seed, or without any, and reads what came of it. The last one's model and metrics are kept. */
async function trainOnce(
  seed: string | undefined,
  workload: Workload,
  training: Training,
  started: number,
): Promise<void> {
  const { inputs, context, hasher, progress } = training;
  const { workingDirectory: folder, github } = context;
  const began = Date.now();
  if (seed !== undefined) log(`Training with seed ${seed}`);
  progress.workload = workload;
  progress.results = undefined;
  const freshness = freshnessOf(inputs, folder);
  await workload.run();
  const results = await readResults({
    ...{ folder, model: inputs.model, metrics: inputs.metrics, freshness, outputs: workload.outputs() },
    ...{ hasher, log, conventions: workload.metrics?.bind(workload) },
    shown: (path) => relative(github.workspace, join(folder, path)).split(sep).join('/'),
  });
  progress.results = results;
  if (seed !== undefined && results.problem === undefined)
    progress.repeats.push({ seed, metrics: metricsRecord(results), durationMs: Date.now() - began });
  const isLast = seed === undefined || seed === seedsOf(inputs).at(-1);
  if (isLast) {
    setResultOutputs(progress, context);
    const soFar = () => trainingRecord(progress, Date.now() - started);
    progress.artifact = await keepArtifact(soFar, results, workload, inputs, context);
  }
  if (results.problem !== undefined) throw results.problem;
}

/** How the commands are watched. */
function supervision(inputs: Inputs, context: TrainContext, started: number): SupervisorOptions {
  const { workingDirectory: folder, signal, record } = context;
  const { checkpointDir: dir, cache } = inputs;
  return {
    ...{ folder, signal, prices: inputs.prices ?? { currency: 'USD' }, log },
    limits: limitsOf(inputs, started, Date.parse(record.startedAt)),
    heartbeatMs: milliseconds(inputs.heartbeat),
    stopGraceMs: milliseconds(inputs.stopGrace),
    checkpoints:
      dir === undefined
        ? undefined
        : {
            ...{
              dir,
              store: checkpointStore(context, cache),
              intervalMs: milliseconds(inputs.checkpointInterval),
            },
            ...{ run: runOf(context), project: projectOf(context, inputs.matrix) },
          },
  };
}

/** Undefined on a cancelled run, which has no time left for it. */
async function determinism({
  inputs,
  context,
  parameters,
}: Training): Promise<TrainingRecord['determinism']> {
  const { workingDirectory: folder, signal } = context;
  const { run = [] } = inputs;
  const commands = typeof run === 'string' ? [run] : run.map((stage) => stage.run);
  if (signal.aborted) return undefined;
  const { determinismOf } = await import('./determinism.ts');
  return determinismOf({ folder, env: process.env, parameters, commands, signal }).catch((error: unknown) => {
    debug(messageOf(error));
    return undefined;
  });
}

function outcomeOf(error: unknown, signal: AbortSignal): Progress['outcome'] {
  if (signal.aborted) return 'cancelled';
  if (error instanceof Stopped) return error.reason;
  return error instanceof WorkFailed ? error.kind : 'failed';
}

/** A command alone declares no outputs that could be removed first, so what it did not write must be told apart. */
function freshnessOf({ run, metrics, model }: Inputs, folder: string): Freshness | undefined {
  if (typeof run !== 'string') return undefined;
  return new Freshness(folder, [...(metrics ?? [defaultMetrics]), ...(model ? [model] : [])]);
}

function setResultOutputs(progress: Progress, { outputs, workingDirectory }: TrainContext): void {
  const { results } = progress;
  const { metrics, spread } = trainingRecord(progress, 0);
  if (results?.problem === undefined) outputs.metrics = JSON.stringify(metrics);
  if (spread) outputs.metricsSpread = JSON.stringify(spread);
  if (!results?.model) return;
  outputs.modelPath = join(workingDirectory, results.model.path);
  outputs.modelDigest = results.model.digest;
}

/** Uploads model and metrics. Returns the artifact's name; undefined when there is none. */
async function keepArtifact(
  training: () => TrainingRecord,
  { model, files }: Results,
  workload: Workload,
  { upload: isWanted, retentionDays }: Inputs,
  { workingDirectory: folder, github, signal, outputs }: TrainContext,
): Promise<string | undefined> {
  const kept = [...(model ? [model.path] : []), ...files, ...(workload.extras?.() ?? [])];
  if (!isWanted || !kept.length) return undefined;
  const uploaded = await upload(training(), { folder, files: kept, github, signal, retentionDays });
  if (!uploaded) return undefined;
  log(`Uploaded ${kept.join(', ')} as the artifact '${uploaded.name}' (${size(uploaded.bytes)})`);
  if (uploaded.id !== undefined) outputs.artifactId = uploaded.id;
  if (uploaded.url !== undefined) outputs.artifactUrl = uploaded.url;
  return uploaded.name;
}

/** Where digests of unchanged files are kept: with the runner's tools, otherwise with the user's caches. */
function statCacheFile(folder: string): string {
  const { RUNNER_TOOL_CACHE, XDG_CACHE_HOME } = process.env;
  const base = RUNNER_TOOL_CACHE || XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'mlops', 'digests', hashText(folder).slice('sha256:'.length, 'sha256:'.length + 16));
}

/** Says how it went, to whoever reads the log, the summary, the record or the outputs. */
function tell(training: TrainingRecord, { record, summary, outputs }: TrainContext): void {
  const { stages, durationMs, outcome } = training;
  const names = (wanted: string) =>
    stages.filter((stage) => stage.outcome === wanted).map(({ name }) => name);
  const skipped = names('skipped');
  const saved = stages.reduce((sum, { savedMs }) => sum + savedMs, 0);
  record.trainings.push(training);
  summary.push(summaryOf(training));
  outputs.stagesRun = JSON.stringify(names('ran'));
  outputs.stagesSkipped = JSON.stringify(skipped);
  outputs.duration = durationMs / 1000;
  outputs.finished = outcome === 'finished';
  outputs.outcome = outcome ?? 'failed';
  const skippedText = skipped.length ? `; ${skipped.length} of ${stages.length} stages were skipped` : '';
  log(`Took ${duration(durationMs)}${skippedText}${saved ? `, which saved ${duration(saved)}` : ''}.`);
}

function log(line: string): void {
  process.stdout.write(`${line}\n`);
}
