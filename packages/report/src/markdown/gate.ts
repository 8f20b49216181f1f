import { code, plain } from '@mlops/core';
import {
  type GateRecord,
  type IntervalRecord,
  type RuleRecord,
  sliceName,
  type TrainingRecord,
} from '@mlops/core/record';
import { type Comparison, comparisons } from '../comparison.ts';
import {
  askedText,
  byText,
  changeText,
  intervalText,
  metricOfChange,
  slicesTitle,
  valueText,
} from '../rule-text.ts';
import { countText, signs } from '../text.ts';
import { folded, longTable } from './fold.ts';

/** Of metrics that are shown at once; the others are folded. */
const metricsShown = 20;

/** What changed against the baseline, or what was measured where there is none. */
export function changes(
  gate: GateRecord,
  training: TrainingRecord | undefined,
  label: string | undefined,
): string[] {
  const all = comparisons(gate, training);
  return [
    `**${label === undefined ? 'Gate' : plain(label)}**: ${signs[gate.verdict]} ${gate.verdict}${against(gate)}`,
    changesTable(all.slice(0, metricsShown)),
  ];
}

function against({ baseline }: GateRecord): string {
  if (!baseline) return ', without a baseline';
  return `, against ${code(baseline.ref)}${baseline.commit ? ` at ${code(baseline.commit.slice(0, 7))}` : ''}`;
}

function changesTable(all: readonly Comparison[]): string {
  const isCompared = all.some(({ baseline }) => baseline !== null);
  return longTable(
    isCompared ? ['Metric', 'Outcome', '#Change', '#Candidate', '#Baseline'] : ['Metric', '#Value'],
    all.map((one) => {
      const { metric, candidate, candidateInterval, baseline, change, changeInterval } = one;
      const value = withInterval(valueText(metric, candidate), candidateInterval, metric);
      if (!isCompared) return [code(metric), value];
      return [
        code(metric),
        outcomeText(one),
        withInterval(changeText(change, metric), changeInterval, metric),
        value,
        valueText(metric, baseline),
      ];
    }),
  );
}

function outcomeText({ tendency, candidate, baseline }: Comparison): string {
  if (!tendency) return candidate === null ? 'not measured' : baseline === null ? 'new' : '';
  const { arrow, outcome, noiseKnown } = tendency;
  const said = noiseKnown && (outcome === 'better' || outcome === 'worse') ? `**${outcome}**` : outcome;
  return `${arrow} ${said}${noiseKnown || outcome === 'unchanged' ? '' : ', noise unknown'}`;
}

/** The rules that did not pass, with why. */
export function open({ rules }: GateRecord): string[] {
  const order = ['fail', 'inconclusive', 'warn'];
  const rest = rules.filter(({ verdict }) => verdict !== 'pass');
  if (rest.length === 0) return [`All ${countText(rules.length, 'rule')} passed.`];
  return [
    `${rest.length} of ${countText(rules.length, 'rule')} did not pass:`,
    rulesTable(rest.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict))),
  ];
}

function rulesTable(rules: readonly RuleRecord[]): string {
  return longTable(
    ['Verdict', 'Metric', 'Rule', '#Found', 'Why'],
    rules.map((rule) => [
      `${signs[rule.verdict]} ${rule.verdict}`,
      [code(rule.metric), plain(byText(rule))].filter(Boolean).join(' '),
      plain(askedText(rule)),
      found(rule),
      plain(rule.explanation),
    ]),
  );
}

function found(rule: RuleRecord): string {
  const metric = metricOfChange(rule);
  const value =
    rule.rule === 'threshold' ? valueText(metric, rule.candidate) : changeText(rule.change, metric);
  return withInterval(value, rule.interval, metric);
}

function withInterval(text: string, interval: IntervalRecord | undefined, metric: string): string {
  return interval ? `${text} ${intervalText(interval, metric)}` : text;
}

/** What passed, the other metrics, and each slice, folded. */
export function gateDetails(gate: GateRecord, training: TrainingRecord | undefined): string[] {
  const passed = gate.rules.filter(({ verdict }) => verdict === 'pass');
  const others = comparisons(gate, training).slice(metricsShown);
  return [
    folded(`${countText(passed.length, 'rule')} passed`, rulesTable(passed)),
    folded(countText(others.length, 'other metric'), changesTable(others)),
    ...gate.rules.map((rule) =>
      folded(plain(`${slicesTitle(rule)}: ${rule.metric} ${askedText(rule)}`), slicesTable(rule)),
    ),
  ];
}

function slicesTable(rule: RuleRecord): string {
  return longTable(
    ['Verdict', 'Slice', '#Examples', '#Found', 'Why'],
    (rule.slices ?? []).map((slice) => [
      slice.verdict === 'too-small' ? 'too small' : `${signs[slice.verdict]} ${slice.verdict}`,
      code(sliceName(slice)),
      slice.examples?.toLocaleString('en') ?? '–',
      found({ ...rule, candidate: slice.candidate, change: slice.change, interval: slice.interval }),
      plain(slice.explanation),
    ]),
  );
}
