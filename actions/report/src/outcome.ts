import { createHash } from 'node:crypto';
import {
  type GateRecord,
  type JobRecord,
  type RuleRecord,
  type RunRecord,
  sliceName,
} from '@mlops/core/record';
import type { Annotation, CheckRun } from './check-run.ts';
import type { RulePlace } from './rule-places.ts';

/** More would take GitHub too long to show, and nobody reads them. */
const mostAnnotations = 500;
const slicesNamed = 5;

/**
 * How a check run ends: a step that failed and a gate that let nothing through are failures; a gate that passed the
 * model with a warning or undecided is neutral, as is a run that recorded nothing.
 */
export function conclusionOf({ jobs }: RunRecord): CheckRun['conclusion'] {
  const steps = jobs.flatMap((job) => job.steps);
  const gates = jobs.flatMap((job) => job.gates);
  if (steps.some(({ outcome }) => outcome === 'failure') || gates.some(({ passed }) => !passed))
    return 'failure';
  if (steps.some(({ outcome }) => outcome === 'cancelled')) return 'cancelled';
  return jobs.length > 0 && gates.every(({ verdict }) => verdict === 'pass') ? 'success' : 'neutral';
}

/** The same for two runs whose reports tell the same: verdicts, numbers and outcomes, but no times. */
export function contentOf({ jobs }: RunRecord): string {
  const told = jobs.map(({ job, matrix, steps, gates, trainings, deployments }) => [
    [job, matrix],
    steps.map(({ action, outcome, error }) => [action, outcome, error]),
    gates.map(({ verdict, passed, rules }) => [
      [verdict, passed],
      rules.map(({ metric, rule, bound, candidate, baseline, verdict }) => [
        [metric, rule, bound, verdict],
        [candidate, baseline],
      ]),
    ]),
    trainings.map(({ name, metrics, model }) => [name, metrics, model?.digest]),
    deployments.map(({ environment, outcome, url, reason }) => [environment, outcome, url, reason]),
  ]);
  return createHash('sha256').update(JSON.stringify(told)).digest('hex').slice(0, 16);
}

/** An annotation for each rule that did not pass and each step that failed; what is worst comes first. */
export function annotationsOf(
  { jobs }: RunRecord,
  place: (metric?: string) => RulePlace,
): readonly Annotation[] {
  const order = ['failure', 'warning', 'notice'];
  const all = jobs
    .flatMap((job) => [
      ...job.gates.flatMap((gate) => gateAnnotations(gate, job, place)),
      ...stepAnnotations(job, place()),
    ])
    .toSorted((a, b) => order.indexOf(a.level) - order.indexOf(b.level));
  if (all.length <= mostAnnotations) return all;
  const left = all.length - mostAnnotations + 1;
  return [
    ...all.slice(0, mostAnnotations - 1),
    {
      ...place(),
      level: 'notice',
      title: `${left} more`,
      message: `${left} more rules or steps did not pass; the report names them all.`,
    },
  ];
}

function gateAnnotations(
  gate: GateRecord,
  job: JobRecord,
  place: (metric?: string) => RulePlace,
): Annotation[] {
  return gate.rules
    .filter(({ verdict }) => verdict !== 'pass')
    .map((rule) => ({
      ...place(rule.pattern ?? rule.metric),
      level:
        rule.verdict === 'fail' || (rule.verdict === 'inconclusive' && !gate.passed) ? 'failure' : 'warning',
      title: `${rule.metric}: ${rule.verdict}${legOf(job)}`,
      message: [`${rule.rule} ${rule.bound}: ${rule.explanation}`, ...slicesOf(rule)].join('\n'),
    }));
}

/** `, size=small` for a leg of a matrix */
function legOf({ matrix }: JobRecord): string {
  return Object.entries(matrix ?? {})
    .map(([name, value]) => `, ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join('');
}

function slicesOf({ slices = [] }: RuleRecord): string[] {
  const bad = slices.filter(({ verdict }) => verdict === 'fail' || verdict === 'inconclusive');
  return [
    ...bad
      .slice(0, slicesNamed)
      .map((slice) => `${sliceName(slice)}: ${slice.verdict}, ${slice.explanation}`),
    ...(bad.length > slicesNamed ? [`… and ${bad.length - slicesNamed} more slices`] : []),
  ];
}

/** The gate's own step fails because a rule did, which has its annotation already. */
function stepAnnotations(job: JobRecord, place: RulePlace): Annotation[] {
  const stopped = job.gates.some(({ passed }) => !passed);
  return job.steps
    .filter(({ outcome, action }) => outcome !== 'success' && !(stopped && action === 'evaluate-gate'))
    .map(({ action, outcome, error }) => ({
      ...place,
      level: outcome === 'cancelled' ? 'warning' : 'failure',
      title: `${action} ${outcome === 'cancelled' ? 'was cancelled' : 'failed'}${legOf(job)}`,
      message: error || 'The log of the step tells more.',
    }));
}
