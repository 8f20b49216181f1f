import type { GateRecord, JobRecord, RunRecord, TrainingRecord } from '@mlops/core/record';
import { moneyText, wattHoursText } from '../text.ts';
import type { RunDetails } from './data.ts';

/** Of each list no more than this, and of each text: the whole is in the run's record and in its report. */
const rowsKept = 200;
const charactersKept = 500;

export function detailsOf({ run, jobs }: RunRecord): RunDetails {
  return {
    run: { commit: run.commit, dirty: run.dirty, message: cut(run.message) },
    jobs: jobs.map(jobDetails),
    gates: jobs.flatMap((job) => job.gates.map((gate) => gateDetails(gate, job))),
    trainings: jobs.flatMap((job) => job.trainings.map(trainingDetails)),
    packages: jobs
      .flatMap((job) => job.packages)
      .map(({ name, digest, bytes }) => ({ name: cut(name), digest, bytes })),
    deployments: jobs
      .flatMap((job) => job.deployments)
      .map(({ environment, target, outcome, revision, url, reason }) => ({
        ...{ environment: cut(environment), target, outcome, revision: cut(revision) },
        url: webAddress(url),
        reason: reason && cut(reason),
      })),
  };
}

/** An address that may become a link; a record may say anything. */
export function webAddress(address: string | null): string | null {
  return address && /^https?:\/\/[^\s"'<>]+$/i.test(address) ? address : null;
}

function jobDetails({
  job,
  matrix,
  startedAt,
  finishedAt,
  hardware,
  steps,
}: JobRecord): RunDetails['jobs'][number] {
  return {
    job: cut(job),
    matrix: cut(
      Object.entries(matrix ?? {})
        .map(([name, value]) => `${name}: ${valueText(value)}`)
        .join(', '),
    ),
    durationMs: Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt)),
    machine: cut(`${hardware.os} ${hardware.arch}, ${hardware.cores} cores, ${hardware.cpu}`),
    steps: steps.slice(0, rowsKept).map(({ action, outcome, durationMs, error }) => ({
      ...{ action: cut(action), outcome, durationMs },
      ...(error !== undefined && { error: cut(error) }),
    })),
  };
}

function gateDetails(gate: GateRecord, job: JobRecord): RunDetails['gates'][number] {
  const notPassed = (rule: GateRecord['rules'][number]) => rule.verdict !== 'pass';
  // Where not all of them are kept, those that did not pass are.
  const rules = gate.rules.toSorted((a, b) => Number(notPassed(b)) - Number(notPassed(a)));
  return {
    name: cut(gate.name ?? job.trainings[0]?.name ?? 'model'),
    verdict: gate.verdict,
    baseline: gate.baseline && cut(baselineName(gate.baseline)),
    rules: listed(rules, ({ slices: _, ...rule }) => ({
      ...rule,
      metric: cut(rule.metric),
      explanation: cut(rule.explanation),
    })),
  };
}

/** `alias:production at 1a2b3c4` */
export function baselineName({ ref, commit }: NonNullable<GateRecord['baseline']>): string {
  return commit ? `${ref} at ${commit.slice(0, 7)}` : ref;
}

function trainingDetails(training: TrainingRecord): RunDetails['trainings'][number] {
  const { name, outcome, durationMs, model, metrics, parameters, stages, resources } = training;
  return {
    ...{ name: cut(name), durationMs, modelDigest: model?.digest ?? null },
    ...(outcome && { outcome }),
    metrics: listed(Object.entries(metrics), ([metric, value]) => [cut(metric), value]),
    parameters: listed(Object.entries(parameters), ([parameter, value]) => [
      cut(parameter),
      cut(valueText(value)),
    ]),
    stages: listed(stages, ({ name, outcome, reason, durationMs, savedMs }) => ({
      ...{ name: cut(name), outcome, reason: cut(reason), durationMs, savedMs },
    })),
    used: resources
      ? `${wattHoursText(resources.energy.wattHours)}, ${moneyText(resources.cost.amount, cut(resources.cost.currency))}`
      : null,
  };
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function listed<T, U>(all: readonly T[], shown: (one: T) => U): { shown: U[]; more: number } {
  return { shown: all.slice(0, rowsKept).map(shown), more: Math.max(0, all.length - rowsKept) };
}

function cut(text: string): string {
  return text.length > charactersKept ? `${text.slice(0, charactersKept)}…` : text;
}
