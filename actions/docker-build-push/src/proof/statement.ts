import { hashText } from '@mlops/core/hash';
import {
  type FileRecord,
  type GateRecord,
  givenInputs,
  type RunRecord,
  type StageRecord,
  type TrainingRecord,
} from '@mlops/core/record';
import canonicalize from 'canonicalize';
import {
  type Statement,
  statementType,
  type Training,
  type TrainingStatement,
  trainingPredicate,
  trainingSchema,
} from './predicate.ts';
import type { Source } from './source.ts';
import { platformName, type Subject } from './subject.ts';

export interface StatementOptions {
  /** What was read of the working copy; absent where there is none. */
  source?: Source | undefined;
  /** Of several trainings in the run, the one whose model is in the image. Default: all are told of. */
  training?: string | undefined;
  /** Metrics files that lie here, so that every byte of them counts and not only the values that were read. */
  metricsFiles?: readonly FileRecord[];
  /** What built the image: `id`, versions of `buildkit` and so on. Nothing secret. */
  builder?: Record<string, string>;
}

/** Says, from the run record, what an image or model artifact was made of. The same record gives the same bytes. */
export function trainingStatement(
  record: RunRecord,
  subject: Pick<Subject, 'name' | 'descriptor' | 'platforms'>,
  options: StatementOptions = {},
): TrainingStatement {
  return { ...statement(subject, trainingPredicate, {}), predicate: predicateOf(record, options) };
}

/** Any other predicate about the same subject, such as a bill of materials. */
export function statement(
  { name, descriptor, platforms }: Pick<Subject, 'name' | 'descriptor' | 'platforms'>,
  predicateType: string,
  predicate: object,
): Statement {
  const subjects = [
    { name, digest: digestSet(descriptor.digest) },
    ...platforms.map((one) => ({
      name,
      digest: digestSet(one.digest),
      annotations: { platform: platformName(one) },
    })),
  ];
  return { _type: statementType, subject: subjects, predicateType, predicate };
}

/** The bytes that are signed: canonical JSON (RFC 8785). */
export function statementBytes(statement: Statement): Buffer {
  return Buffer.from(canonical(statement));
}

export function canonical(value: unknown): string {
  return canonicalize(value) ?? 'null';
}

/** `sha256:ab…` as in-toto's DigestSet has it. */
export function digestSet(digest: string): Record<string, string> {
  const [algorithm = '', hex = ''] = digest.split(':');
  return { [algorithm]: hex };
}

function predicateOf(record: RunRecord, options: StatementOptions): Training {
  const { run, jobs } = record;
  const { source, builder = {} } = options;
  const isMeant = ({ name }: TrainingRecord) => options.training === undefined || name === options.training;
  const trainings = jobs.flatMap((job) => job.trainings).filter(isMeant);
  const models = new Set(trainings.flatMap(({ model }) => model?.digest ?? []));
  const gates = jobs.flatMap((job) => job.gates);
  // Parsing takes the keys in the schema's order and refuses what a verifier would refuse.
  return trainingSchema.parse({
    run: {
      id: run.id,
      attempt: run.attempt,
      url: run.url,
      workflow: run.workflow,
      event: run.event,
      startedAt: run.startedAt,
      finishedAt: run.finishedAt,
    },
    source: {
      repository: run.repository,
      uri: source?.uri ?? null,
      commit: run.commit,
      ref: run.ref,
      checkout: source?.commit ?? null,
      dirty: run.dirty || source?.dirty === true,
      tree: source?.tree ?? null,
      files: source?.files ?? null,
    },
    environments: jobs
      .flatMap((job) => job.environments)
      .map(({ manager, python, lock, digest }) => ({ manager, python, lock, digest })),
    trainings: trainings.map((training) => trainingOf(training, options.metricsFiles ?? [])),
    gates: gatesOf(gates, options.training).map(gateOf),
    packages: jobs
      .flatMap((job) => job.packages)
      .filter(({ modelDigest }) => options.training === undefined || (modelDigest && models.has(modelDigest)))
      .map(({ name, digest, bytes, modelDigest }) => ({ name, digest, bytes, modelDigest })),
    builder,
  } satisfies Training);
}

/** The gates of a training; one that was asked of no training by name calls itself `model`. */
export function gatesOf(gates: readonly GateRecord[], training: string | undefined): readonly GateRecord[] {
  if (training === undefined) return gates;
  const named = gates.filter(({ name }) => name === training);
  return named.length ? named : gates.filter(({ name = 'model' }) => gates.length === 1 && name === 'model');
}

function trainingOf(
  training: TrainingRecord,
  metricsFiles: readonly FileRecord[],
): Training['trainings'][number] {
  const { name, stages, parameters, metrics, repeats = [], determinism, model } = training;
  return {
    name,
    outcome: training.outcome ?? null,
    stages: stages.map((stage) => ({
      name: stage.name,
      outcome: stage.outcome,
      inputs: stage.inputs.map(contentOf),
      outputs: stage.outputs.map(contentOf),
      parameters: stage.parameters,
    })),
    data: givenInputs(stages).map(contentOf),
    parameters,
    metrics,
    metricsFiles: metricsFiles.map(({ path, digest, bytes }) => ({ path, digest, bytes })),
    repeats: repeats.map(({ seed, metrics }) => ({ seed, metrics })),
    determinism: determinism
      ? { seeds: determinism.seeds, flags: determinism.flags, libraries: determinism.libraries }
      : null,
    model: model ? { path: model.path, digest: model.digest, bytes: model.bytes } : null,
  };
}

function contentOf({ path, digest, bytes }: StageRecord['inputs'][number]) {
  return { path, digest, bytes };
}

function gateOf(gate: GateRecord): Training['gates'][number] {
  return {
    name: gate.name ?? null,
    verdict: gate.verdict,
    passed: gate.passed,
    rules: gate.rules.map((rule) => ({
      metric: rule.metric,
      rule: rule.rule,
      bound: rule.bound,
      severity: rule.severity,
      verdict: rule.verdict,
      candidate: rule.candidate,
      baseline: rule.baseline,
      interval: rule.interval ?? null,
      worstSlice: rule.worstSlice ?? null,
    })),
    baseline: gate.baseline
      ? {
          kind: gate.baseline.kind,
          ref: gate.baseline.ref,
          commit: gate.baseline.commit,
          modelDigest: gate.baseline.modelDigest ?? null,
        }
      : null,
    predictions: gate.data?.candidate?.digest ?? null,
    testSet: gate.data?.candidate?.testSet ?? null,
    evidence: hashText(canonical(gate)),
  };
}
