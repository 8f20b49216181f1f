import { homedir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { type Context, debug, type InputsOf, messageOf } from '@mlops/core';
import { type Hasher, hashText, openHasher } from '@mlops/core/hash';
import type { TrainingRecord } from '@mlops/core/record';
import { cacheStore, type Store } from '@mlops/core/store';
import type { action } from './action.ts';
import { artifactName, upload } from './artifact.ts';
import { environmentOf } from './environment.ts';
import { duration, size } from './format.ts';
import { readInputFiles } from './inputs.ts';
import { Ledger, ledgerPrefix, loadLedger, saveLedger } from './ledger.ts';
import { Outputs } from './outputs.ts';
import { readParameters } from './parameters.ts';
import { type Conditions, Pipeline, type Planned } from './pipeline.ts';
import { defaultMetrics, inputFiles, plan } from './plan.ts';
import { metricsRecord, type Progress, trainingRecord } from './record.ts';
import { Freshness, type Results, readResults } from './results.ts';
import { summaryOf } from './summary.ts';

type Inputs = InputsOf<typeof action>;
type TrainContext = Context<typeof action>;

/** Trains: runs what has to run, reads model and metrics, and keeps both. */
export async function train(inputs: Inputs, context: TrainContext): Promise<void> {
  const started = Date.now();
  const { workingDirectory: folder, github, signal } = context;
  const name = artifactName(inputs.artifactName ?? (context.project || 'model'), inputs.matrix ?? {});
  context.record.matrix = inputs.matrix ?? null;
  context.outputs.artifactName = name;

  const parameters = await readParameters(folder, inputs.paramsFile, github.workspace);
  const planned = plan(inputs, parameters, folder);
  const hasher = await openHasher({ statCacheFile: statCacheFile(folder), signal });
  try {
    const { conditions, saveLedger } = await prepare(planned, inputs, context, hasher);
    const pipeline = new Pipeline(planned, conditions);
    const progress: Progress = {
      ...{ name, plan: planned, settled: pipeline.settled, parameters, durationMs: 0 },
      ...{ results: undefined, artifact: undefined },
    };
    const training = () => trainingRecord({ ...progress, durationMs: Date.now() - started });
    try {
      const freshness = freshnessOf(inputs, folder);
      await pipeline.run().finally(saveLedger);
      const outputs = [...pipeline.settled.values()].flatMap((stage) => stage.outputs);
      const results = await readResults({
        ...{ folder, model: inputs.model, metrics: inputs.metrics, freshness, outputs, hasher, log },
        shown: (path) => relative(github.workspace, join(folder, path)).split(sep).join('/'),
      });
      progress.results = results;
      setResultOutputs(results, context);
      progress.artifact = await keepArtifact(training, results, inputs, context);
      if (results.problem !== undefined) throw results.problem;
    } finally {
      tell(training(), context);
    }
  } finally {
    await hasher.close().catch((error: unknown) => debug(messageOf(error)));
  }
}

/** What the pipeline decides by, and how to keep what it learns. */
async function prepare(
  planned: readonly Planned[],
  inputs: Inputs,
  context: TrainContext,
  hasher: Hasher,
): Promise<{ conditions: Conditions; saveLedger: () => Promise<void> }> {
  const { workingDirectory: folder, github, signal } = context;
  const isCommand = typeof inputs.run === 'string';
  const matrix = inputs.matrix ?? {};
  const platform = `${process.platform} ${process.arch}`;

  const files = await readInputFiles(folder, inputFiles(planned), hasher);
  const environment = isCommand ? {} : await environmentOf(context.record.environments, folder, hasher);
  const store = isCommand || inputs.cache === 'off' ? undefined : cacheStore({ trigger: github, signal });
  const prefix = ledgerPrefix({
    repository: github.repository ?? folder,
    folder: relative(github.workspace, folder),
    config: inputs.config,
    matrix,
    platform,
  });
  const ledger = store ? await loadLedger(store, folder, prefix) : new Ledger();
  const outputs = new Outputs(folder, hasher, store);
  if (!isCommand) tellStart(planned, Object.keys(environment), store);
  return {
    conditions: { folder, signal, files, environment, platform, matrix, ledger, outputs, log },
    async saveLedger() {
      // Not on a cancelled run, which has no time left; saved outputs are found without a ledger, too.
      if (!store || !ledger.changed || signal.aborted) return;
      await saveLedger(ledger, store, folder, `${prefix}${github.runId}-${github.runAttempt}-${Date.now()}`);
    },
  };
}

/** A command alone declares no outputs that could be removed first, so what it did not write must be told apart. */
function freshnessOf({ run, metrics, model }: Inputs, folder: string): Freshness | undefined {
  if (typeof run !== 'string') return undefined;
  return new Freshness(folder, [...(metrics ?? [defaultMetrics]), ...(model ? [model] : [])]);
}

function setResultOutputs(results: Results, { outputs, workingDirectory }: TrainContext): void {
  if (results.problem === undefined) outputs.metrics = JSON.stringify(metricsRecord(results));
  if (!results.model) return;
  outputs.modelPath = join(workingDirectory, results.model.path);
  outputs.modelDigest = results.model.digest;
}

/** Uploads model and metrics. Returns the artifact's name; undefined when there is none. */
async function keepArtifact(
  training: () => TrainingRecord,
  { model, files }: Results,
  { upload: isWanted, retentionDays }: Inputs,
  { workingDirectory: folder, github, signal, outputs }: TrainContext,
): Promise<string | undefined> {
  const kept = [...(model ? [model.path] : []), ...files];
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

function tellStart(planned: readonly Planned[], environment: string[], store: Store | undefined): void {
  const cache = store?.kind === 'github-cache' ? "GitHub's cache" : 'a folder on this machine';
  log(`Stages: ${planned.map(({ stage }) => stage.name).join(', ')}`);
  log(`Environment: ${environment.join(', ') || 'no lock file found, so a changed package goes unnoticed'}`);
  log(`Results are kept in: ${store ? cache : 'nothing, the cache is off'}`);
}

/** Says how it went, to whoever reads the log, the summary, the record or the outputs. */
function tell(training: TrainingRecord, { record, summary, outputs }: TrainContext): void {
  const { stages, durationMs } = training;
  const names = (outcome: string) =>
    stages.filter((stage) => stage.outcome === outcome).map(({ name }) => name);
  const skipped = names('skipped');
  const saved = stages.reduce((sum, { savedMs }) => sum + savedMs, 0);
  record.trainings.push(training);
  summary.push(summaryOf(training));
  outputs.stagesRun = JSON.stringify(names('ran'));
  outputs.stagesSkipped = JSON.stringify(skipped);
  outputs.duration = durationMs / 1000;
  const skippedText = skipped.length ? `; ${skipped.length} of ${stages.length} stages were skipped` : '';
  log(`Took ${duration(durationMs)}${skippedText}${saved ? `, which saved ${duration(saved)}` : ''}.`);
}

function log(line: string): void {
  process.stdout.write(`${line}\n`);
}
