import { type Context, type InputsOf, UserError } from '@mlops/core';
import type { TrainingRecord } from '@mlops/core/record';
import { readMetrics } from '@mlops/metrics';
import type { Columns, PredictionTable } from '@mlops/predictions';
import type { action } from './action.ts';
import { type Baseline, findBaseline } from './baseline.ts';
import type { Examples } from './examples.ts';
import { keepPredictions } from './keep.ts';
import { checkRules } from './known-metrics.ts';
import { type Measurements, measurementsIn, measurementsOf, withBudgets } from './measurements.ts';
import { isPattern, withoutPatterns } from './patterns.ts';
import { columnsAsked, needBaseline, type Rules } from './rules.ts';

type Inputs = InputsOf<typeof action>;

/** All that is known of candidate and baseline, and the rules with those of patterns for each metric. */
export interface Gathered {
  rules: Rules;
  candidate: Measurements;
  baseline: Baseline | undefined;
  examples: Examples | undefined;
  /** The predictions as they travel with the run's record. */
  kept: Awaited<ReturnType<typeof keepPredictions>>;
}

export async function gather(
  inputs: Inputs,
  context: Context<typeof action>,
  training: TrainingRecord | undefined,
): Promise<Gathered> {
  const measured = withBudgets(
    await candidateMetrics(inputs, training, context.workingDirectory),
    inputs.rules,
  );
  const predictions = await predictionsIn(inputs.predictions, columnsOf(inputs), context);
  const found = needBaseline(inputs.rules)
    ? await baselineOf(inputs, context, training, predictions)
    : undefined;
  const baseline = found && withBudgets(found, inputs.rules);
  const rules = await expanded(inputs, measured, baseline, predictions);
  const examples = predictions && (await examine(rules, predictions, baseline, inputs, context));
  return {
    ...{ rules, baseline, examples },
    candidate: examples ? { ...measured, metrics: { ...measured.metrics, ...examples.values } } : measured,
    kept:
      predictions && inputs.keepPredictions ? await keepPredictions(predictions, context.github) : undefined,
  };
}

async function predictionsIn(
  files: readonly string[] | undefined,
  columns: Columns,
  { workingDirectory }: Context<typeof action>,
): Promise<PredictionTable | undefined> {
  if (!files) return undefined;
  const { readPredictions } = await import('@mlops/predictions');
  return readPredictions(workingDirectory, files, columns);
}

/** The columns of the candidate's predictions, those of slices and strata among them. */
function columnsOf({ columns, rules, stratify }: Inputs): Columns {
  const strata = stratify !== undefined && stratify !== 'label' ? [stratify] : [];
  return { ...columns, slices: [...new Set([...columnsAsked(rules), ...strata])] };
}

/** The rules with those of patterns for every metric that there is, or that could be computed. */
async function expanded(
  { rules }: Inputs,
  candidate: Measurements,
  baseline: Baseline | undefined,
  predictions: PredictionTable | undefined,
): Promise<Rules> {
  if (!Object.keys(rules).some(isPattern)) return rules;
  const named = withoutPatterns(rules, [
    ...Object.keys(candidate.metrics),
    ...Object.keys(baseline?.metrics ?? {}),
    ...(predictions ? (await import('@mlops/stats')).namesOf(predictions.predictions) : []),
  ]);
  checkRules(named, predictions !== undefined);
  return named;
}

/** What the predictions of each example say of the rules. */
async function examine(
  rules: Rules,
  candidate: PredictionTable,
  found: Baseline | undefined,
  inputs: Inputs,
  context: Context<typeof action>,
): Promise<Examples> {
  const { examineExamples } = await import('./examples.ts');
  const { resamples, seed, stratify, maxUnpaired, allowDifferentTestSet, ifSameAsBaseline } = inputs;
  const ofBaseline = await predictionsIn(inputs.baselinePredictions, inputs.columns ?? {}, context);
  const baseline = ofBaseline ?? found?.predictions;
  return examineExamples(rules, {
    ...{
      candidate,
      baseline,
      resamples,
      seed,
      stratify,
      maxUnpaired,
      allowDifferentTestSet,
      ifSameAsBaseline,
    },
    signal: context.signal,
  });
}

/** Predictions of a baseline are one; another is looked for only where it is named. */
async function baselineOf(
  inputs: Inputs,
  { github, workingDirectory, signal }: Context<typeof action>,
  training: TrainingRecord | undefined,
  predictions: PredictionTable | undefined,
): Promise<Baseline | undefined> {
  if (inputs.baselinePredictions && inputs.baseline === undefined)
    return { kind: 'file', ref: `file:${inputs.baselinePredictions.join(', ')}`, commit: null, metrics: {} };
  return findBaseline(inputs.baseline ?? `alias:${inputs.environment ?? 'production'}`, {
    ...{ github, workingDirectory, signal },
    token: inputs.githubToken,
    recordsBranch: inputs.recordsBranch,
    name: trainingName(training),
    files: inputs.metrics ?? ['metrics.json'],
    predictions:
      predictions && inputs.predictions && !inputs.baselinePredictions
        ? {
            files: inputs.predictions,
            columns: inputs.columns ?? {},
            testSet: predictions.record.testSet,
          }
        : undefined,
  });
}

async function candidateMetrics(
  { metrics: files, predictions }: Inputs,
  training: TrainingRecord | undefined,
  workingDirectory: string,
): Promise<Measurements> {
  const trained = training && measurementsOf(training);
  if (files)
    return {
      ...measurementsIn(await readMetrics(workingDirectory, files)),
      budgets: trained?.budgets,
    };
  if (trained) return trained;
  if (predictions) return { metrics: {} };
  throw new UserError(
    "there are no metrics to judge: no 'train' ran earlier in this job, and the inputs 'predictions' and 'metrics' are not set",
    {
      advice: "Run the train action first, or name the files: 'metrics: metrics.json'.",
    },
  );
}

/** What models of the same kind are called in every run. */
export function trainingName(training: TrainingRecord | undefined): string {
  return training?.name ?? 'model';
}
