import { nearest } from '@mlops/core';
import { type GateRecord, measuredOf, type RuleRecord } from '@mlops/core/record';
import type { Estimate } from '@mlops/stats';
import { isFairness } from '@mlops/stats/fairness';
import type { FromExamples } from './ask.ts';
import { type Bound, type Finding, judgeBound } from './bound.ts';
import type { Examples } from './examples.ts';
import { implausible, isGreaterBetter } from './known-metrics.ts';
import type { Measurements } from './measurements.ts';
import { isPattern } from './patterns.ts';
import { type Asked, askedOf, type Rules } from './rules.ts';
import { changeOver, type Repeated, sampleMethod, valueOver } from './seeds.ts';
import { judgeGroups, judgeSlices, type Together } from './together.ts';

export type Verdict = GateRecord['verdict'];
export type OnInconclusive = 'fail' | 'warn' | 'pass';

export interface Evidence {
  candidate: Measurements;
  /** Undefined while there is none. */
  baseline: Measurements | undefined;
  /** Of built-in metrics they come before what `candidate` and `baseline` say. */
  examples?: Pick<Examples, 'of' | 'obstacleTo' | 'slicesOf' | 'groupsOf'> | undefined;
  /** The verdict of rules that need a baseline while there is none. */
  ifNoBaseline: 'pass' | 'warn' | 'fail';
}

/** Judges every bound of every rule, in the order they are written. */
export function judge(rules: Rules, evidence: Evidence): RuleRecord[] {
  return askedOf(rules).map((asked) => {
    const { metric, name, bound, rule } = asked;
    const { verdict, ...found } = rule.groups
      ? ofGroups(asked, evidence)
      : asked.slices
        ? ofSlices(asked, evidence)
        : ofAll(asked, evidence);
    const columns = rule.groups?.columns ?? asked.slices?.columns;
    return {
      ...{ metric, rule: name, bound },
      ...(rule.pattern === undefined ? {} : { pattern: rule.pattern }),
      ...(columns && { columns: [...columns] }),
      ...found,
      ...{ greaterIsBetter: isGreaterBetter(metric, rule), severity: rule.severity },
      verdict: verdict !== 'pass' && rule.severity === 'warn' ? 'warn' : verdict,
    };
  });
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

function ofAll(asked: Asked, evidence: Evidence): Together {
  const { metric, name } = asked;
  const told = evidence.examples?.of(asked);
  const candidate = told ? told.candidate : valueIn(evidence.candidate.metrics, metric);
  const baseline = told ? told.baseline : evidence.baseline && valueIn(evidence.baseline.metrics, metric);
  const { change, ...finding } = told ? ofExamples(told, asked) : ofNumbers(asked, candidate, evidence);
  return {
    candidate: candidate === undefined ? null : measuredOf(candidate),
    baseline: baseline === undefined || name === 'threshold' ? null : measuredOf(baseline),
    change: change === undefined ? null : measuredOf(change),
    ...finding,
  };
}

function ofExamples(told: FromExamples, { metric, rule, name, bound }: Asked): Finding {
  if (!told.estimate) return { verdict: told.verdict, explanation: told.explanation };
  const { candidate = Number.NaN, baseline, estimate } = told;
  const greaterIsBetter = isGreaterBetter(metric, rule);
  const { confidence } = rule;
  return judgeBound({
    ...{ metric, name, bound, confidence, estimate, of: 'examples' },
    ...{ candidate, baseline, greaterIsBetter },
  });
}

function ofSlices(asked: Asked, { examples, baseline, ifNoBaseline }: Evidence): Together {
  if (asked.name !== 'threshold' && !baseline) return unknown(ifNoBaseline, noBaseline);
  const slices = examples?.slicesOf(asked);
  if (!slices)
    return unknown(
      'fail',
      examples
        ? `'${asked.metric}' is not computed from predictions, so nothing is known of its slices`
        : "slices are of predictions, and the input 'predictions' is not set",
    );
  const obstacle = examples?.obstacleTo(asked);
  if (obstacle && !obstacle.estimate) return unknown(obstacle.verdict, obstacle.explanation);
  if (asked.name !== 'threshold' && slices.every(({ told }) => !told))
    return unknown(
      'inconclusive',
      'there are no predictions of the baseline, whose slices are not known then',
    );
  return judgeSlices(asked, slices);
}

function ofGroups(asked: Asked, { examples }: Evidence): Together {
  const differences =
    examples?.groupsOf(asked) ?? "groups are of predictions, and the input 'predictions' is not set";
  return typeof differences === 'string'
    ? unknown(examples ? 'inconclusive' : 'fail', differences)
    : judgeGroups(asked, differences);
}

function unknown(verdict: Verdict, explanation: string): Together {
  return { candidate: null, baseline: null, change: null, verdict, explanation };
}

const noBaseline = 'there is no baseline yet to compare with';

/** A metric may be called as something that every object has, such as `constructor`. */
export function valueIn<T>(metrics: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return metrics && Object.hasOwn(metrics, name) ? metrics[name] : undefined;
}

function ofNumbers(
  { metric, rule, name, bound }: Asked,
  candidate: number | undefined,
  { baseline: against, ...evidence }: Evidence,
): Finding {
  if (candidate === undefined)
    return { verdict: 'fail', explanation: missing(metric, Object.keys(evidence.candidate.metrics)) };
  if (!Number.isFinite(candidate))
    return { verdict: 'fail', explanation: `the candidate's value is ${candidate}, which is no measurement` };
  const wrong = implausible(metric, candidate, rule.threshold);
  if (wrong) return { verdict: 'fail', explanation: `the candidate's value is ${candidate}, but ${wrong}` };
  const samples = valueIn(evidence.candidate.samples, metric);
  const method = sampleMethod(metric, rule.method);
  const asked: Omit<Bound, 'estimate'> = {
    ...{ metric, name, bound, confidence: rule.confidence, of: samples?.over ?? 'seeds' },
  };
  const greaterIsBetter = isGreaterBetter(metric, rule);
  if (name === 'threshold')
    return judgeBound({
      ...asked,
      estimate: samples && valueOver(samples, method),
      candidate,
      greaterIsBetter,
    });
  if (!against) return { verdict: evidence.ifNoBaseline, explanation: noBaseline };
  const baseline = valueIn(against.metrics, metric);
  const obstacle = notComparable(metric, name, baseline);
  if (obstacle !== undefined || baseline === undefined)
    return { verdict: 'inconclusive', explanation: obstacle ?? '' };
  const relativeTo = name === 'min_relative_change' ? Math.abs(baseline) : 1;
  const others: Repeated | undefined = valueIn(against.samples, metric);
  const estimate: Estimate | undefined =
    samples && others && changeOver(samples, others, { greaterIsBetter, relativeTo, method });
  return judgeBound({ ...asked, estimate, candidate, baseline, greaterIsBetter });
}

function notComparable(
  metric: string,
  name: Asked['name'],
  baseline: number | undefined,
): string | undefined {
  if (baseline === undefined) return `the baseline has no metric '${metric}', so nothing can be compared`;
  if (!Number.isFinite(baseline)) return `the baseline's value is ${baseline}, so nothing can be compared`;
  return name === 'min_relative_change' && baseline === 0
    ? 'the baseline is 0, to which nothing is relative; use min_absolute_change'
    : undefined;
}

function missing(metric: string, names: readonly string[]): string {
  if (isPattern(metric)) return `no metric matches '${metric}'; there are ${someOf(names)}`;
  if (isFairness(metric)) return `'${metric}' is between groups: name their column with 'groups'`;
  return `the candidate has no metric '${metric}'; ${whatThereIs(metric, names)}`;
}

function whatThereIs(metric: string, names: readonly string[]): string {
  const near = nearest(metric, names);
  return `${near ? `did you mean '${near}'? ` : ''}it has ${someOf(names)}`;
}

const namesShown = 10;

function someOf(names: readonly string[]): string {
  const left = names.length - namesShown;
  return `${names.slice(0, namesShown).join(', ') || 'none'}${left > 0 ? ` and ${left} more` : ''}`;
}
