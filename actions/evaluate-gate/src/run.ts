import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, type Context, type InputsOf, UserError } from '@mlops/core';
import type { GateRecord, RuleRecord, TrainingRecord } from '@mlops/core/record';
import { readMetrics } from '@mlops/metrics';
import type { Columns, PredictionTable } from '@mlops/predictions';
import type { action } from './action.ts';
import { type Baseline, findBaseline } from './baseline.ts';
import { checkCurrency } from './budgets.ts';
import type { Examples } from './examples.ts';
import { isPassed, judge, type OnInconclusive, verdictOf } from './judge.ts';
import { keepPredictions } from './keep.ts';
import { checkRules } from './known-metrics.ts';
import { type Measurements, measurementsIn, measurementsOf, withBudgets } from './measurements.ts';
import { metricsTable } from './metrics-table.ts';
import { isPattern, withoutPatterns } from './patterns.ts';
import { columnsAsked, needBaseline, type Rules } from './rules.ts';
import { mostTelling, renderSummary, ruleText } from './summary.ts';

type Inputs = InputsOf<typeof action>;

export async function gate(inputs: Inputs, context: Context<typeof action>): Promise<void> {
  if (inputs.baselinePredictions && !inputs.predictions)
    throw new UserError("the input 'baseline-predictions' is set, and 'predictions' is not", {
      advice: "Name the candidate's predictions, too.",
    });
  checkRules(inputs.rules, inputs.predictions !== undefined);
  const training = context.record.trainings.at(-1);
  checkCurrency(inputs.rules, training);
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

  const candidate = { ...measured, metrics: { ...measured.metrics, ...examples?.values } };
  const judged = judge(rules, { candidate, baseline, examples, ifNoBaseline: inputs.ifNoBaseline });
  const verdict = verdictOf(judged);
  const { resamples, seed, stratify } = inputs;
  const record: GateRecord = {
    verdict,
    passed: isPassed(judged, inputs.onInconclusive),
    rules: judged,
    name: nameOf(training),
    baseline: baseline ? described(baseline) : null,
    metrics: metricsTable(rules, { candidate, baseline, examples: examples?.metrics ?? [] }),
    ...(examples && {
      ...{ data: examples.data, plots: examples.plots },
      settings: { resamples, seed, ...(stratify && { stratify }) },
    }),
  };
  const kept =
    predictions && inputs.keepPredictions ? await keepPredictions(predictions, context.github) : undefined;
  if (kept) record.kept = kept;
  context.record.gates.push(record);

  const summary = renderSummary(record);
  const failed = judged.filter((rule) => rule.verdict !== 'pass');
  context.outputs.verdict = verdict;
  context.outputs.passed = record.passed;
  context.outputs.baselineRef = baseline ? baselineText(baseline) : '';
  context.outputs.failedRules = JSON.stringify(failed.map(ruleText));
  Object.assign(context.outputs, await writeVerdict(record, summary, context.github.temp));
  context.summary.push(summary);

  tell(judged, inputs);
  console.log(`\nVerdict: ${verdict}${baseline ? `, against ${baselineText(baseline)}` : ''}`);
  if (!record.passed && inputs.enforce)
    throw new UserError(
      `the gate's verdict is '${verdict}': ${judged.filter((rule) => !isPassed([rule], inputs.onInconclusive)).length} of ${judged.length} rules did not pass`,
      {
        advice:
          "Improve the model or change the rules; 'enforce: false' lets the job go on and leaves the decision to the output 'passed'.",
      },
    );
}

/** The rules in the log, those that did not pass as annotations, too. */
function tell(rules: readonly RuleRecord[], inputs: Inputs): void {
  const { shown, left } = mostTelling(rules);
  for (const rule of shown) console.log(`${rule.verdict.padEnd(12)} ${ruleText(rule)}: ${rule.explanation}`);
  if (left > 0) console.log(`… and ${left} more rules, which the verdict file holds`);
  for (const rule of shown.filter(({ verdict }) => verdict !== 'pass'))
    annotate(levelOf(rule, inputs), `${ruleText(rule)}: ${rule.explanation}`, {
      title: `Gate: ${rule.verdict}`,
    });
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

function nameOf(training: TrainingRecord | undefined): string {
  return training?.name ?? 'model';
}

function described(baseline: Baseline): NonNullable<GateRecord['baseline']> {
  const { metrics: _, samples: __, predictions: ___, budgets: ____, ...about } = baseline;
  return about;
}

function baselineText({ ref, commit }: Baseline): string {
  return commit ? `${ref} at ${commit.slice(0, 7)}` : ref;
}

/** The verdict for programs, without times and paths so that the same inputs give the same bytes, and for people. */
async function writeVerdict(
  record: GateRecord,
  summary: string,
  temp: string,
): Promise<{ verdictFile: string; report: string }> {
  const folder = join(temp, 'mlops');
  await mkdir(folder, { recursive: true });
  const files = { verdictFile: join(folder, 'verdict.json'), report: join(folder, 'verdict.md') };
  await writeFile(files.verdictFile, `${JSON.stringify({ schema: 1, ...record }, null, 2)}\n`);
  await writeFile(files.report, `${summary}\n`);
  return files;
}
