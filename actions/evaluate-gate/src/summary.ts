import { code, plain, table } from '@mlops/core';
import { type GateRecord, numberOf, type RuleRecord } from '@mlops/core/record';
import { format, valueText } from '@mlops/metrics/quantity';

const signs = { pass: '✅', warn: '⚠️', fail: '❌', inconclusive: '❔' } as const;

/** More rules than these are in the verdict file alone; those that did not pass come first then. */
const mostShown = 200;

/** The verdict and its evidence as Markdown. */
export function renderSummary(record: GateRecord): string {
  const against = record.baseline ? ` against ${code(record.baseline.ref)}` : '';
  const { shown, left } = mostTelling(record.rules);
  const rows = shown.map((rule) => [
    `${signs[rule.verdict]} ${rule.verdict}`,
    [code(rule.metric), plain(byText(rule))].filter(Boolean).join(' '),
    boundText(rule),
    numberText(rule.metric, rule.candidate),
    numberText(rule.metric, rule.baseline),
    plain(rule.explanation),
  ]);
  return [
    `### ${signs[record.verdict]} Gate: ${record.verdict}${against}`,
    table(['Verdict', 'Metric', 'Rule', '#Candidate', '#Baseline', 'Why'], rows),
    ...(left > 0 ? [`… and ${left} more rules, which the verdict file holds.`] : []),
  ].join('\n\n');
}

/** The rules in their order, or of very many those that matter most. */
export function mostTelling(rules: readonly RuleRecord[]): { shown: readonly RuleRecord[]; left: number } {
  if (rules.length <= mostShown) return { shown: rules, left: 0 };
  const order: RuleRecord['verdict'][] = ['fail', 'inconclusive', 'warn', 'pass'];
  const sorted = rules.toSorted((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  return { shown: sorted.slice(0, mostShown), left: rules.length - mostShown };
}

/** `test.accuracy: threshold ≥ 0.94`, `accuracy by site: threshold ≥ 0.9` */
export function ruleText(rule: RuleRecord): string {
  return `${rule.metric}${byText(rule)}: ${boundText(rule)}`;
}

/** Whose values a rule is asked of. */
function byText({ columns }: RuleRecord): string {
  return columns ? ` by ${columns.join(', ')}` : '';
}

function boundText({ metric, rule, bound, greaterIsBetter }: RuleRecord): string {
  if (rule === 'threshold') return `threshold ${greaterIsBetter ? '≥' : '≤'} ${valueText(metric, bound)}`;
  return `${rule} ${rule === 'min_relative_change' ? format(bound) : valueText(metric, bound)}`;
}

function numberText(metric: string, value: RuleRecord['candidate']): string {
  if (value === null) return '–';
  const number = numberOf(value);
  return Number.isFinite(number) ? valueText(metric, number) : String(value);
}
