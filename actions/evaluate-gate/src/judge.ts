import { nearest } from '@mlops/core';
import { type GateRecord, measuredOf, type RuleRecord } from '@mlops/core/record';
import type { Estimate } from '@mlops/stats';
import { type Bound, judgeBound as decide, type Finding } from './bound.ts';
import type { Examples, FromExamples } from './examples.ts';
import { implausible, isGreaterBetter } from './known-metrics.ts';
import { type BoundName, boundNames, type Rule, type Rules } from './rules.ts';
import { changeOverSeeds, type Samples, valueOverSeeds } from './seeds.ts';

export type Verdict = GateRecord['verdict'];
export type Metrics = Readonly<Record<string, number>>;
export type OnInconclusive = 'fail' | 'warn' | 'pass';

/** What is known of one model. */
export interface Measurements {
  metrics: Metrics;
  /** Of a training with several seeds, what each of them gave. */
  samples?: Samples | undefined;
}

export interface Evidence {
  candidate: Measurements;
  /** Undefined while there is none. */
  baseline: Measurements | undefined;
  /** Of built-in metrics they come before what `candidate` and `baseline` say. */
  examples?: Pick<Examples, 'of'> | undefined;
  /** The verdict of rules that need a baseline while there is none. */
  ifNoBaseline: 'pass' | 'warn' | 'fail';
}

/** Judges every bound of every rule, in the order they are written. */
export function judge(rules: Rules, evidence: Evidence): RuleRecord[] {
  return Object.entries(rules).flatMap(([metric, rule]) =>
    boundNames.flatMap((name) => {
      const bound = rule[name];
      return bound === undefined ? [] : [judgeRule(metric, rule, name, bound, evidence)];
    }),
  );
}

/** The whole gate's verdict: the worst of its rules, where a rule of severity warn can do no more than warn. */
export function verdictOf(rules: readonly RuleRecord[]): Verdict {
  const order: Verdict[] = ['fail', 'inconclusive', 'warn', 'pass'];
  return order.find((verdict) => rules.some((rule) => rule.verdict === verdict)) ?? 'inconclusive';
}

/** Whether the gate lets a model through. What noise leaves undecided may; what cannot be judged may not. */
export function isPassed(rules: readonly RuleRecord[], onInconclusive: OnInconclusive): boolean {
  return (
    rules.length > 0 &&
    rules.every(
      ({ verdict, interval }) =>
        verdict === 'pass' ||
        verdict === 'warn' ||
        (verdict === 'inconclusive' && interval !== undefined && onInconclusive !== 'fail'),
    )
  );
}

function judgeRule(
  metric: string,
  rule: Rule,
  name: BoundName,
  bound: number,
  evidence: Evidence,
): RuleRecord {
  const told = evidence.examples?.of(metric, name);
  const candidate = told ? told.candidate : valueIn(evidence.candidate.metrics, metric);
  const baseline = told ? told.baseline : evidence.baseline && valueIn(evidence.baseline.metrics, metric);
  const { verdict, change, ...finding } = told
    ? ofExamples(told, metric, rule, name, bound)
    : find(metric, rule, name, bound, candidate, evidence);
  return {
    metric,
    rule: name,
    bound,
    candidate: candidate === undefined ? null : measuredOf(candidate),
    baseline: baseline === undefined || name === 'threshold' ? null : measuredOf(baseline),
    change: change === undefined ? null : measuredOf(change),
    greaterIsBetter: isGreaterBetter(metric, rule),
    severity: rule.severity,
    verdict: verdict !== 'pass' && rule.severity === 'warn' ? 'warn' : verdict,
    ...finding,
  };
}

function ofExamples(told: FromExamples, metric: string, rule: Rule, name: BoundName, bound: number): Finding {
  if (!told.estimate) return { verdict: told.verdict, explanation: told.explanation };
  const { candidate = Number.NaN, baseline, estimate } = told;
  const greaterIsBetter = isGreaterBetter(metric, rule);
  const { confidence } = rule;
  return decide({ name, bound, confidence, estimate, of: 'examples', candidate, baseline, greaterIsBetter });
}

/** A metric may be called as something that every object has, such as `constructor`. */
function valueIn<T>(metrics: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(metrics, name) ? metrics[name] : undefined;
}

function find(
  metric: string,
  rule: Rule,
  name: BoundName,
  bound: number,
  candidate: number | undefined,
  { baseline: against, ...evidence }: Evidence,
): Finding {
  if (candidate === undefined)
    return {
      verdict: 'fail',
      explanation: `the candidate has no metric '${metric}'; ${whatThereIs(metric, Object.keys(evidence.candidate.metrics))}`,
    };
  if (!Number.isFinite(candidate))
    return { verdict: 'fail', explanation: `the candidate's value is ${candidate}, which is no measurement` };
  const wrong = implausible(metric, candidate, rule.threshold);
  if (wrong) return { verdict: 'fail', explanation: `the candidate's value is ${candidate}, but ${wrong}` };
  const samples = evidence.candidate.samples && valueIn(evidence.candidate.samples, metric);
  const asked: Omit<Bound, 'estimate'> = { name, bound, confidence: rule.confidence, of: 'seeds' };
  const greaterIsBetter = isGreaterBetter(metric, rule);
  if (name === 'threshold')
    return decide({ ...asked, estimate: samples && valueOverSeeds(samples), candidate, greaterIsBetter });
  if (!against)
    return { verdict: evidence.ifNoBaseline, explanation: 'there is no baseline yet to compare with' };
  const baseline = valueIn(against.metrics, metric);
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
  if (name === 'min_relative_change' && baseline === 0)
    return {
      verdict: 'inconclusive',
      explanation: 'the baseline is 0, to which nothing is relative; use min_absolute_change',
    };
  const others = against.samples && valueIn(against.samples, metric);
  const relativeTo = name === 'min_relative_change' ? Math.abs(baseline) : 1;
  const estimate: Estimate | undefined =
    samples && others && changeOverSeeds(samples, others, { greaterIsBetter, relativeTo });
  return decide({ ...asked, estimate, candidate, baseline, greaterIsBetter });
}

function whatThereIs(metric: string, names: readonly string[]): string {
  const near = nearest(metric, names);
  const left = names.length - namesShown;
  const some = `${names.slice(0, namesShown).join(', ') || 'none'}${left > 0 ? ` and ${left} more` : ''}`;
  return `${near ? `did you mean '${near}'? ` : ''}it has ${some}`;
}

const namesShown = 10;
