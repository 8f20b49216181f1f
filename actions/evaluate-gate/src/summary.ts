import { code, plain, table } from '@mlops/core';
import { type GateRecord, numberOf, type RuleRecord } from '@mlops/core/record';
import { format } from './bound.ts';

const signs = { pass: '✅', warn: '⚠️', fail: '❌', inconclusive: '❔' } as const;

/** The verdict and its evidence as Markdown. */
export function renderSummary(record: GateRecord): string {
  const against = record.baseline ? ` against ${code(record.baseline.ref)}` : '';
  const rows = record.rules.map((rule) => [
    `${signs[rule.verdict]} ${rule.verdict}`,
    code(rule.metric),
    boundText(rule),
    shown(rule.candidate),
    shown(rule.baseline),
    plain(rule.explanation),
  ]);
  return [
    `### ${signs[record.verdict]} Gate: ${record.verdict}${against}`,
    table(['Verdict', 'Metric', 'Rule', '#Candidate', '#Baseline', 'Why'], rows),
  ].join('\n\n');
}

/** `test.accuracy: threshold ≥ 0.94` */
export function ruleText(rule: RuleRecord): string {
  return `${rule.metric}: ${boundText(rule)}`;
}

function boundText({ rule, bound, greaterIsBetter }: RuleRecord): string {
  return rule === 'threshold'
    ? `threshold ${greaterIsBetter ? '≥' : '≤'} ${format(bound)}`
    : `${rule} ${format(bound)}`;
}

function shown(value: RuleRecord['candidate']): string {
  return value === null ? '–' : Number.isFinite(numberOf(value)) ? format(numberOf(value)) : String(value);
}
