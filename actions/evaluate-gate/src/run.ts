import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, type Context, type InputsOf, UserError } from '@mlops/core';
import type { GateRecord, RuleRecord } from '@mlops/core/record';
import manifest from '../package.json' with { type: 'json' };
import type { action } from './action.ts';
import type { Baseline } from './baseline.ts';
import { checkCurrency } from './budgets.ts';
import { type Gathered, gather, trainingName } from './evidence.ts';
import { isPassed, judge, type OnInconclusive, verdictOf } from './judge.ts';
import { checkRules } from './known-metrics.ts';
import { metricsTable } from './metrics-table.ts';
import { mostTelling, renderSummary, ruleText } from './summary.ts';

type Inputs = InputsOf<typeof action>;

export async function gate(inputs: Inputs, context: Context<typeof action>): Promise<void> {
  if (inputs.baselinePredictions && !inputs.predictions)
    throw new UserError("the input 'baseline-predictions' is set, and 'predictions' is not", {
      advice: "Name the candidate's predictions, too.",
    });
  const training = context.record.trainings.at(-1);
  checkRules(inputs.rules, inputs.predictions !== undefined);
  checkCurrency(inputs.rules, training);
  const known = await gather(inputs, context, training);
  const record = { ...judged(known, inputs), name: trainingName(training) };
  context.record.gates.push(record);

  const { verdict, passed, rules } = record;
  const summary = renderSummary(record);
  context.outputs.verdict = verdict;
  context.outputs.passed = passed;
  context.outputs.baselineRef = known.baseline ? baselineText(known.baseline) : '';
  context.outputs.failedRules = JSON.stringify(rules.filter((rule) => rule.verdict !== 'pass').map(ruleText));
  Object.assign(context.outputs, await writeVerdict(record, summary, context.github.temp));
  context.summary.push(summary);

  tellExamples(record);
  tell(rules, inputs);
  console.log(`\nVerdict: ${verdict}${known.baseline ? `, against ${baselineText(known.baseline)}` : ''}`);
  if (!passed && inputs.enforce)
    throw new UserError(
      `the gate's verdict is '${verdict}': ${rules.filter((rule) => !isPassed([rule], inputs.onInconclusive)).length} of ${rules.length} rules did not pass`,
      {
        advice:
          "Improve the model or change the rules; 'enforce: false' lets the job go on and leaves the decision to the output 'passed'.",
      },
    );
}

function judged(
  { rules, candidate, baseline, examples, kept }: Gathered,
  { resamples, seed, stratify, ifNoBaseline, onInconclusive }: Inputs,
): GateRecord {
  const records = judge(rules, { candidate, baseline, examples, ifNoBaseline });
  return {
    verdict: verdictOf(records),
    passed: isPassed(records, onInconclusive),
    rules: records,
    baseline: baseline ? described(baseline) : null,
    metrics: metricsTable(rules, { candidate, baseline, examples: examples?.metrics ?? [] }),
    ...(examples && {
      ...{ data: examples.data, plots: examples.plots },
      settings: { resamples, seed, ...(stratify && { stratify }) },
    }),
    ...(kept && { kept }),
    versions: { [manifest.name]: manifest.version },
  };
}

/** How many examples were judged, and which were left out. */
function tellExamples({ data }: GateRecord): void {
  const { candidate, baseline, paired, unpaired, differentLabels } = data ?? {};
  if (!candidate) return;
  console.log(
    `${candidate.examples} examples${baseline ? `, of which ${paired} are paired with the baseline's` : ''}`,
  );
  const left = [
    ...(candidate.duplicates
      ? [`${candidate.duplicates} of the candidate's have an id that another has`]
      : []),
    ...(baseline?.duplicates ? [`${baseline.duplicates} of the baseline's have an id that another has`] : []),
    ...(unpaired?.candidate ? [`${unpaired.candidate} of the candidate's have no partner`] : []),
    ...(unpaired?.baseline ? [`${unpaired.baseline} of the baseline's have no partner`] : []),
    ...(differentLabels ? [`${differentLabels} have another label in each`] : []),
  ];
  if (left.length) annotate('notice', `Of the examples, ${left.join(', ')}.`, { title: 'Gate: examples' });
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
  // Of very many rules, nobody reads it line by line.
  const indent = mostTelling(record.rules).left > 0 ? 0 : 2;
  await writeFile(files.verdictFile, `${JSON.stringify({ schema: 1, ...record }, null, indent)}\n`);
  await writeFile(files.report, `${summary}\n`);
  return files;
}
