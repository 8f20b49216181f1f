import { verdictSchema } from '@mlops/core/record';
import * as z from 'zod';
import manifest from '../../../../package.json' with { type: 'json' };

/**
 * What is attested of an image or a model artifact: an in-toto Statement v1
 * (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md) whose predicate tells, from the run record,
 * what it was made of. Digests are `sha256:<hex>` as everywhere in the record; only subjects have them as in-toto does.
 */

const slug = manifest.repository.replace('github:', '');

/** The predicate below. A change that a reader of this version would misunderstand needs another number. */
export const trainingPredicate = `https://github.com/${slug}/attestations/training/v1`;

/** Of other attestations, those that are understood here. */
export const predicates = {
  spdx: 'https://spdx.dev/Document',
  cyclonedx: 'https://cyclonedx.org/bom',
  provenance: 'https://slsa.dev/provenance/v1',
  provenanceBefore: 'https://slsa.dev/provenance/v0.2',
} as const;

export const statementType = 'https://in-toto.io/Statement/v1';

const sha256 = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const bytes = z.int().min(0);
const time = z.iso.datetime();
const measured = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]);
const file = z.strictObject({ path: z.string(), digest: sha256, bytes });
/** DVC names content by md5. */
const content = z.strictObject({
  path: z.string(),
  digest: z.union([sha256, z.string().regex(/^md5:[0-9a-f]{32}(\.dir)?$/)]),
  bytes,
});
const parameters = z.record(z.string(), z.json());

const source = z.strictObject({
  repository: z.string().nullable().describe('owner/name.'),
  uri: z.string().nullable().describe('Where it can be cloned from.'),
  commit: z.string().describe('That the run is of; of a pull request, its newest.'),
  checkout: z
    .string()
    .nullable()
    .describe('The commit that lay in the working copy: of a pull request, its merge with the base.'),
  ref: z.string(),
  dirty: z.boolean().describe('Whether the training, or the files below, differed from their commit.'),
  tree: z.string().nullable().describe("Git's id of the checkout's tree."),
  files: z
    .strictObject({ digest: sha256, count: z.int().min(0) })
    .nullable()
    .describe('Of all files that git tracks, as they lay in the working copy: names and contents.'),
});

const training = z.strictObject({
  name: z.string(),
  outcome: z.string().nullable(),
  stages: z.array(
    z.strictObject({
      name: z.string(),
      outcome: z.string(),
      inputs: z.array(content),
      outputs: z.array(content),
      parameters,
    }),
  ),
  data: z.array(content).describe('What stages read and none of them wrote: data and code.'),
  parameters,
  metrics: z.record(z.string(), measured),
  metricsFiles: z.array(file).describe('Those that were there when this was written.'),
  repeats: z
    .array(z.strictObject({ seed: z.string(), metrics: z.record(z.string(), measured) }))
    .describe('What each seed gave, where there were several; `metrics` are then the means.'),
  determinism: z
    .strictObject({
      seeds: z.record(z.string(), z.string()),
      flags: z.record(z.string(), z.string()),
      libraries: z.record(z.string(), z.string()),
    })
    .nullable(),
  model: file.nullable(),
});

const verdict = verdictSchema.shape.verdict;

const gate = z.strictObject({
  name: z.string().nullable(),
  verdict,
  passed: z.boolean(),
  rules: z.array(
    z.strictObject({
      metric: z.string(),
      rule: z.string(),
      bound: z.number(),
      severity: z.enum(['fail', 'warn']),
      verdict,
      candidate: measured.nullable(),
      baseline: measured.nullable(),
      interval: z.strictObject({ low: measured, high: measured, confidence: z.number() }).nullable(),
      worstSlice: z.string().nullable(),
    }),
  ),
  baseline: z
    .strictObject({
      kind: z.string(),
      ref: z.string(),
      commit: z.string().nullable(),
      modelDigest: sha256.nullable(),
    })
    .nullable(),
  predictions: sha256.nullable().describe('Of ids, labels and what was predicted.'),
  testSet: sha256.nullable().describe('Of ids and labels.'),
  evidence: sha256.describe("Of the record's whole gate in canonical JSON (RFC 8785)."),
});

export const trainingSchema = z.strictObject({
  run: z.strictObject({
    id: z.string(),
    attempt: z.int(),
    url: z.string().nullable(),
    workflow: z.string(),
    event: z.string(),
    startedAt: time,
    finishedAt: time,
  }),
  source,
  environments: z.array(
    z.strictObject({
      manager: z.string(),
      python: z.string(),
      lock: file.omit({ bytes: true }).nullable(),
      digest: sha256,
    }),
  ),
  trainings: z.array(training),
  gates: z.array(gate),
  packages: z.array(
    z.strictObject({ name: z.string(), digest: sha256, bytes, modelDigest: sha256.nullable() }),
  ),
  builder: z.record(z.string(), z.string()).describe('What built the image, such as `id` and `buildkit`.'),
});

/** What an image was made of. */
export type Training = z.infer<typeof trainingSchema>;

export const subjectSchema = z.looseObject({
  name: z.string().optional(),
  digest: z.record(z.string(), z.string()),
});

/** Any in-toto statement; BuildKit and older clients write v0.1. */
export const statementSchema = z.looseObject({
  _type: z.enum([statementType, 'https://in-toto.io/Statement/v0.1']),
  subject: z.array(subjectSchema).min(1),
  predicateType: z.string(),
  predicate: z.unknown(),
});

export type Statement = z.infer<typeof statementSchema>;

/** A statement of ours. */
export interface TrainingStatement extends Statement {
  predicate: Training;
}
