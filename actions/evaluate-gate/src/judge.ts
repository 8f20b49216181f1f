import { nearest } from '@mlops/core';
import { type GateRecord, measuredOf, type RuleRecord } from '@mlops/core/record';
import { type BoundName, boundNames, type Rule, type Rules } from './rules.ts';

export type Verdict = GateRecord['verdict'];
export type Metrics = Readonly<Record<string, number>>;

export interface Evidence {
  candidate: Metrics;
  /** Undefined while there is none. */
  baseline: Metrics | undefined;
  /** The verdict of rules that need a baseline while there is none. */
  ifNoBaseline: 'pass' | 'warn' | 'fail';
}

/** Judges every bound of every rule, in the order they are written. */
export function judge(rules: Rules, evidence: Evidence): RuleRecord[] {
  return Object.entries(rules).flatMap(([metric, rule]) =>
    boundNames.flatMap((name) => {
      const bound = rule[name];
      return bound === undefined ? [] : [judgeBound(metric, rule, name, bound, evidence)];
    }),
  );
}

/** The whole gate's verdict: the worst of its rules, where a rule of severity warn can do no more than warn. */
export function verdictOf(rules: readonly RuleRecord[]): Verdict {
  const order: Verdict[] = ['fail', 'inconclusive', 'warn', 'pass'];
  return order.find((verdict) => rules.some((rule) => rule.verdict === verdict)) ?? 'inconclusive';
}

export function isPassed(verdict: Verdict): boolean {
  return verdict === 'pass' || verdict === 'warn';
}

function judgeBound(
  metric: string,
  rule: Rule,
  name: BoundName,
  bound: number,
  evidence: Evidence,
): RuleRecord {
  const candidate = valueIn(evidence.candidate, metric);
  const baseline = evidence.baseline && valueIn(evidence.baseline, metric);
  const finding = find(metric, rule, name, bound, candidate, evidence);
  return {
    metric,
    rule: name,
    bound,
    candidate: candidate === undefined ? null : measuredOf(candidate),
    baseline: baseline === undefined || name === 'threshold' ? null : measuredOf(baseline),
    change: finding.change === undefined ? null : measuredOf(finding.change),
    greaterIsBetter: rule.greater_is_better,
    severity: rule.severity,
    verdict: finding.verdict !== 'pass' && rule.severity === 'warn' ? 'warn' : finding.verdict,
    explanation: finding.explanation,
  };
}

/** A metric may be called as something that every object has, such as `constructor`. */
function valueIn(metrics: Metrics, name: string): number | undefined {
  return Object.hasOwn(metrics, name) ? metrics[name] : undefined;
}

interface Finding {
  verdict: Verdict;
  explanation: string;
  /** Absolute or relative to the baseline, as the rule counts it; positive is better. */
  change?: number;
}

function find(
  metric: string,
  rule: Rule,
  name: BoundName,
  bound: number,
  candidate: number | undefined,
  evidence: Evidence,
): Finding {
  if (candidate === undefined)
    return {
      verdict: 'fail',
      explanation: `the candidate has no metric '${metric}'; ${whatThereIs(metric, Object.keys(evidence.candidate))}`,
    };
  if (!Number.isFinite(candidate))
    return { verdict: 'fail', explanation: `the candidate's value is ${candidate}, which is no measurement` };
  if (name === 'threshold') return againstThreshold(rule, bound, candidate);
  if (!evidence.baseline)
    return { verdict: evidence.ifNoBaseline, explanation: 'there is no baseline yet to compare with' };
  const baseline = valueIn(evidence.baseline, metric);
  if (baseline === undefined)
    return {
      verdict: 'inconclusive',
      explanation: `the baseline has no metric '${metric}', so nothing can be compared`,
    };
  if (!Number.isFinite(baseline))
    return {
      verdict: 'inconclusive',
      explanation: `the baseline's value is ${baseline}, so nothing can be compared`,
    };
  return againstBaseline(rule, name, bound, candidate, baseline);
}

function whatThereIs(metric: string, names: readonly string[]): string {
  const near = nearest(metric, names);
  const left = names.length - namesShown;
  const some = `${names.slice(0, namesShown).join(', ') || 'none'}${left > 0 ? ` and ${left} more` : ''}`;
  return `${near ? `did you mean '${near}'? ` : ''}it has ${some}`;
}

const namesShown = 10;

function againstThreshold(rule: Rule, bound: number, candidate: number): Finding {
  const met = rule.greater_is_better ? candidate >= bound : candidate <= bound;
  const asked = `${rule.greater_is_better ? 'at least' : 'at most'} ${format(bound)}`;
  return {
    verdict: met ? 'pass' : 'fail',
    explanation: `${format(candidate)} is ${met ? '' : 'not '}${asked}`,
  };
}

function againstBaseline(
  rule: Rule,
  name: BoundName,
  bound: number,
  candidate: number,
  baseline: number,
): Finding {
  const gain = rule.greater_is_better ? candidate - baseline : baseline - candidate;
  const relative = name === 'min_relative_change';
  if (relative && baseline === 0)
    return {
      verdict: 'inconclusive',
      explanation: 'the baseline is 0, to which nothing is relative; use min_absolute_change',
    };
  // The magnitude, so that metrics below zero (log-likelihood, negated errors) are not compared the wrong way round.
  const change = relative ? gain / Math.abs(baseline) : gain;
  const shown = relative ? `${format(change * 100)} %` : format(change);
  const asked = relative ? `${format(bound * 100)} %` : format(bound);
  const needed = relative ? bound * Math.abs(baseline) : bound;
  const met = gain >= needed - rounding(candidate, baseline);
  const direction =
    change === 0 ? 'unchanged' : `${shown.replace('-', '')} ${change > 0 ? 'better' : 'worse'}`;
  const wanted = bound < 0 ? `at most ${asked.replace('-', '')} worse` : `at least ${asked} better`;
  return {
    verdict: met ? 'pass' : 'fail',
    explanation: `${format(candidate)} is ${direction} ${change === 0 ? 'against' : 'than'} ${format(baseline)}; asked: ${wanted}`,
    change,
  };
}

/** What subtracting two doubles can be off by: 0.95 - 0.94 must count as 0.01. */
function rounding(candidate: number, baseline: number): number {
  return 4 * Number.EPSILON * Math.max(Math.abs(candidate), Math.abs(baseline));
}

/** Six significant digits, as people compare metrics. */
export function format(value: number): string {
  return String(Number(value.toPrecision(6)));
}
