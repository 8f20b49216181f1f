import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, type Context, type InputsOf, UserError } from '@mlops/core';
import { type GateRecord, numberOf, type RuleRecord, type TrainingRecord } from '@mlops/core/record';
import { readMetrics } from '@mlops/metrics';
import type { PredictionTable } from '@mlops/predictions';
import type { action } from './action.ts';
import { type Baseline, findBaseline } from './baseline.ts';
import type { Examples } from './examples.ts';
import { isPassed, judge, type Measurements, type OnInconclusive, verdictOf } from './judge.ts';
import { keepPredictions } from './keep.ts';
import { checkDirections } from './known-metrics.ts';
import { needBaseline } from './rules.ts';
import { samplesOf } from './seeds.ts';
import { renderSummary, ruleText } from './summary.ts';

type Inputs = InputsOf<typeof action>;

export async function gate(inputs: Inputs, context: Context<typeof action>): Promise<void> {
  if (inputs.baselinePredictions && !inputs.predictions)
    throw new UserError("the input 'baseline-predictions' is set, and 'predictions' is not", {
      advice: "Name the candidate's predictions, too.",
    });
  checkDirections(inputs.rules);
  const training = context.record.trainings.at(-1);
  const candidate = await candidateMetrics(inputs, training, context.workingDirectory);
  const predictions = await predictionsIn(inputs.predictions, inputs, context);
  const baseline = needBaseline(inputs.rules)
    ? await baselineOf(inputs, context, training, predictions)
    : undefined;
  const examples = predictions && (await examine(predictions, baseline, inputs, context));

  const rules = judge(inputs.rules, {
    candidate: { ...candidate, metrics: { ...candidate.metrics, ...examples?.values } },
    baseline,
    examples,
    ifNoBaseline: inputs.ifNoBaseline,
  });
  const verdict = verdictOf(rules);
  const record: GateRecord = {
    verdict,
    passed: isPassed(rules, inputs.onInconclusive),
    rules,
    name: nameOf(training),
    baseline: baseline ? described(baseline) : null,
    ...(examples && {
      data: examples.data,
      settings: { resamples: inputs.resamples, seed: inputs.seed },
    }),
  };
  const kept =
    predictions && inputs.keepPredictions ? await keepPredictions(predictions, context.github) : undefined;
  if (kept) record.kept = kept;
  context.record.gates.push(record);

  const failed = rules.filter((rule) => rule.verdict !== 'pass');
  context.outputs.verdict = verdict;
  context.outputs.passed = record.passed;
  context.outputs.baseline = baseline ? baselineText(baseline) : '';
  context.outputs.failedRules = JSON.stringify(failed.map(ruleText));
  context.outputs.verdictFile = await writeVerdict(record, context.github.temp);
  context.summary.push(renderSummary(record));

  for (const rule of rules) console.log(`${rule.verdict.padEnd(12)} ${ruleText(rule)}: ${rule.explanation}`);
  console.log(`\nVerdict: ${verdict}${baseline ? `, against ${baselineText(baseline)}` : ''}`);
  for (const rule of failed)
    annotate(levelOf(rule, inputs), `${ruleText(rule)}: ${rule.explanation}`, {
      title: `Gate: ${rule.verdict}`,
    });
  if (!record.passed && inputs.enforce)
    throw new UserError(
      `the gate's verdict is '${verdict}': ${rules.filter((rule) => !isPassed([rule], inputs.onInconclusive)).length} of ${rules.length} rules did not pass`,
      {
        advice:
          "Improve the model or change the rules; 'enforce: false' lets the job go on and leaves the decision to the output 'passed'.",
      },
    );
}

function levelOf(
  rule: RuleRecord,
  { enforce, onInconclusive }: { enforce: boolean; onInconclusive: OnInconclusive },
): 'notice' | 'warning' | 'error' {
  if (!isPassed([rule], onInconclusive)) return enforce ? 'error' : 'warning';
  return rule.verdict === 'inconclusive' && onInconclusive === 'pass' ? 'notice' : 'warning';
}

async function predictionsIn(
  files: readonly string[] | undefined,
  { columns = {} }: Inputs,
  { workingDirectory }: Context<typeof action>,
): Promise<PredictionTable | undefined> {
  if (!files) return undefined;
  const { readPredictions } = await import('@mlops/predictions');
  return readPredictions(workingDirectory, files, columns);
}

/** What the predictions of each example say of the rules. */
async function examine(
  candidate: PredictionTable,
  found: Baseline | undefined,
  inputs: Inputs,
  context: Context<typeof action>,
): Promise<Examples> {
  const { examineExamples } = await import('./examples.ts');
  const { resamples, seed, maxUnpaired, allowDifferentTestSet, ifSameAsBaseline } = inputs;
  const baseline = (await predictionsIn(inputs.baselinePredictions, inputs, context)) ?? found?.predictions;
  return examineExamples(inputs.rules, {
    ...{ candidate, baseline, resamples, seed, maxUnpaired, allowDifferentTestSet, ifSameAsBaseline },
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
    name: nameOf(training),
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
  if (files) return { metrics: Object.fromEntries((await readMetrics(workingDirectory, files)).values) };
  if (training)
    return {
      metrics: Object.fromEntries(
        Object.entries(training.metrics).map(([metric, value]) => [metric, numberOf(value)]),
      ),
      samples: samplesOf(training),
    };
  if (predictions) return { metrics: {} };
  throw new UserError(
    "there are no metrics to judge: no 'train' ran earlier in this job, and the inputs 'predictions' and 'metrics' are not set",
    {
      advice: "Run the train action first, or name the files: 'metrics: metrics.json'.",
    },
  );
}

function nameOf(training: TrainingRecord | undefined): string {
  return training?.name ?? 'model';
}

function described(baseline: Baseline): NonNullable<GateRecord['baseline']> {
  const { metrics: _, samples: __, predictions: ___, ...about } = baseline;
  return about;
}

function baselineText({ ref, commit }: Baseline): string {
  return commit ? `${ref} at ${commit.slice(0, 7)}` : ref;
}

/** No times and no paths in it, so that the same inputs give the same bytes. */
async function writeVerdict(record: GateRecord, temp: string): Promise<string> {
  const file = join(temp, 'mlops', 'verdict.json');
  await mkdir(join(temp, 'mlops'), { recursive: true });
  await writeFile(file, `${JSON.stringify({ schema: 1, ...record }, null, 2)}\n`);
  return file;
}
