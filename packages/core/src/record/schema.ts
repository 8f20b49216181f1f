import * as z from 'zod';
import { gateSchema } from './gate-schema.ts';
import { bytes, content, digest, file, measured, milliseconds, time } from './units.ts';

/**
 * The run record: one JSON document per pipeline run. Each job writes a fragment (a JobRecord), carried from job to
 * job as an artifact; the last job merges them. Report, gate baseline and record store read it; nobody parses logs.
 * Times are ISO 8601 in UTC, durations milliseconds, sizes bytes, digests `sha256:<hex>`.
 */

const hardware = z.object({
  os: z.string(),
  arch: z.string(),
  cpu: z.string(),
  cores: z.int(),
  memoryBytes: bytes,
  runner: z.string().describe("The runner's name, or 'local'."),
});

const step = z.object({
  action: z.string(),
  startedAt: time,
  durationMs: milliseconds,
  outcome: z.enum(['success', 'failure', 'cancelled']),
  error: z.string().optional(),
});

const environment = z.object({
  manager: z.string().describe('uv, pip, poetry, …'),
  python: z.string().describe('The full version.'),
  lock: z.object({ path: z.string(), digest }).nullable(),
  digest: digest.describe('Of lock, Python version and platform: what stage cache keys depend on.'),
  cacheHit: z.boolean(),
  durationMs: milliseconds,
  restoredBytes: bytes.optional().describe('What came from the cache, unpacked.'),
  installMs: milliseconds.optional().describe('Restoring and installing, of the duration.'),
  cuda: z
    .object({
      backend: z.string().describe("uv's torch backend, such as cu128 or cpu."),
      driver: z.string().nullable(),
      gpus: z.array(
        z.object({
          name: z.string(),
          computeCapability: z.string().nullable(),
          memoryMiB: z.number().nullable(),
          mig: z.boolean().describe('Whether it is divided into instances.'),
        }),
      ),
    })
    .optional()
    .describe('What was chosen for which GPUs, where something was.'),
});

export const stageSchema = z.object({
  name: z.string(),
  outcome: z.enum(['ran', 'skipped', 'failed', 'stopped', 'not-reached']),
  reason: z.string().describe('Why it ran or was skipped, for people.'),
  key: digest.nullable().describe('Null for a stage that was not reached.'),
  durationMs: milliseconds.describe('What it took now; for a skipped stage, to decide.'),
  savedMs: milliseconds.describe('What a skipped stage took when it ran.'),
  startedAt: time,
  inputs: z.array(content),
  outputs: z.array(content.extend({ restored: z.boolean() })),
  parameters: z.record(z.string(), z.json()),
});

const point = z.object({ step: z.number(), value: measured });

const amounts = z
  .array(z.number().nullable())
  .describe('One for each of `seconds`; null where it was not known.');

const resources = z.object({
  durationMs: milliseconds,
  cores: z.number().describe('That the run may use; in a container it may be a fraction.'),
  memoryBytes: bytes.describe('That the run may use.'),
  cpuMean: z.number().nullable().describe('Share of the cores that was busy, 0 to 1.'),
  memoryPeakBytes: bytes.nullable().describe('In use on the machine, or in its container.'),
  diskFreeLeastBytes: bytes.nullable(),
  processes: z
    .object({ cpuSeconds: z.number(), memoryPeakBytes: bytes, writtenBytes: bytes })
    .nullable()
    .describe('Of the commands and all that they started; null where they could not be followed.'),
  seconds: z.array(z.number()).describe('Of each point since the start; at most 300.'),
  cpu: amounts,
  memory: amounts.describe('Bytes in use.'),
  diskFree: amounts.describe('Bytes.'),
  gpus: z.array(
    z.object({
      name: z.string(),
      memoryBytes: bytes.nullable(),
      utilisationMean: z.number().nullable(),
      memoryPeakBytes: bytes.nullable(),
      utilisation: amounts,
      memory: amounts,
      watts: amounts,
      celsius: amounts,
    }),
  ),
  energy: z.object({
    wattHours: z.number(),
    cpuWattHours: z.number(),
    cpuSource: z.enum(['counters', 'estimate']).describe("The processors' own counters, or cores and load."),
    gpuWattHours: z.number().nullable().describe('Null without a GPU that tells its power.'),
    co2Grams: z.number().nullable(),
  }),
  cost: z.object({
    amount: z.number(),
    currency: z.string(),
    basis: z.string().describe('Which prices were counted, for people.'),
  }),
});

const determinism = z.object({
  python: z.string().nullable().describe('Full version.'),
  libraries: z.record(z.string(), z.string()).describe('Versions; those that decide results come first.'),
  librariesLeftOut: z.int(),
  seeds: z.record(z.string(), z.string()).describe('By parameter, variable or option of a command.'),
  flags: z.record(z.string(), z.string()).describe('Variables that make results the same each time, or not.'),
  threads: z.record(z.string(), z.string()).describe('Variables that say how many threads add numbers up.'),
  gpus: z.array(z.string()),
  driver: z.string().nullable().describe("The GPU driver's version."),
});

const training = z.object({
  name: z.string().describe("The artifact's name; distinguishes the jobs of a matrix."),
  outcome: z
    .enum(['finished', 'failed', 'out-of-memory', 'time-limit', 'budget', 'cancelled'])
    .optional()
    .describe('How it went; at time-limit and budget it was stopped, and may go on later.'),
  stages: z.array(stageSchema),
  parameters: z.record(z.string(), z.json()).describe('Every parameter, dotted.'),
  metrics: z
    .record(z.string(), measured)
    .describe('Every metric, dotted; of a training with several seeds, the means.'),
  lists: z
    .record(z.string(), z.array(measured))
    .optional()
    .describe('Metrics of which a file has a list of numbers, such as one for each fold.'),
  repeats: z
    .array(z.object({ seed: z.string(), metrics: z.record(z.string(), measured), durationMs: milliseconds }))
    .optional()
    .describe('What each seed gave; the model is that of the first.'),
  spread: z
    .record(z.string(), measured)
    .optional()
    .describe('Sample standard deviation of each metric over the seeds.'),
  curves: z.record(z.string(), z.array(point)),
  model: file.extend({ artifact: z.string().nullable() }).nullable(),
  checkpoints: z
    .object({
      resumedFrom: z.int().nullable().describe('Number of the checkpoint that it went on from.'),
      newest: z.int().nullable(),
      saves: z.int().describe('Checkpoints saved for other runs.'),
      bytes: bytes.describe('Of these, all together.'),
    })
    .optional(),
  durationMs: milliseconds,
  resources: resources.optional(),
  determinism: determinism.optional(),
});

const packaged = z.object({
  name: z.string(),
  digest,
  bytes,
  files: z.int(),
  artifact: z.string().nullable(),
  modelDigest: digest.nullable(),
});

const smokeAnswer = z.object({
  request: z.string(),
  status: z.int().nullable(),
  durationMs: milliseconds,
  passed: z.boolean(),
  response: z.string(),
});

const image = z.object({
  name: z.string().describe('Host and repository, without tag.'),
  digest: digest.describe('Of the manifest that was pushed; for several platforms, of their index.'),
  mediaType: z.string(),
  tags: z.array(z.string()).describe('Without the name; empty for a push by digest.'),
  platforms: z.array(
    z.object({
      platform: z.string().describe('linux/amd64, linux/arm64/v8, …'),
      digest: digest.describe("Of the platform's manifest."),
      imageId: digest.describe('Of its configuration.'),
      bytes: bytes.describe('Of its layers as they are stored, compressed.'),
      layers: z.array(z.object({ digest, bytes, mediaType: z.string() })),
    }),
  ),
  modelDigest: digest.nullable().describe('Of the model that it serves, where that is known.'),
  packageDigest: digest.nullable().describe('Of the package that it was built from.'),
  durationMs: milliseconds,
  attempts: z.int().describe('How often the build was started.'),
  attestations: z.array(
    z.object({
      predicateType: z.string(),
      digest: digest.describe('Of the manifest that carries it.'),
      signed: z.string().nullable().describe('github, key, keyless; null where nobody signed it.'),
    }),
  ),
  smoke: z.array(smokeAnswer),
});

const modelArtifact = z.object({
  name: z.string(),
  digest,
  tag: z.string().nullable(),
  bytes,
  sentBytes: bytes,
  files: z.int(),
});

const deployment = z.object({
  target: z.string(),
  environment: z.string(),
  outcome: z.enum(['deployed', 'rolled-back', 'failed', 'unchanged']),
  revision: z.string(),
  previousRevision: z.string().nullable(),
  url: z.string().nullable(),
  digest: digest.nullable(),
  modelDigest: digest.nullable(),
  durationMs: milliseconds,
  smoke: z.array(smokeAnswer),
  reason: z.string().nullable().describe('Why it failed or was rolled back.'),
});

export const jobRecordSchema = z.object({
  schema: z.literal(1),
  job: z.string(),
  matrix: z.record(z.string(), z.json()).nullable(),
  attempt: z.int(),
  startedAt: time,
  finishedAt: time,
  hardware,
  steps: z.array(step),
  environments: z.array(environment),
  trainings: z.array(training),
  gates: z.array(gateSchema),
  packages: z.array(packaged),
  images: z.array(image).default([]),
  modelArtifacts: z.array(modelArtifact).default([]),
  deployments: z.array(deployment),
});

export const runRecordSchema = z.object({
  schema: z.literal(1),
  run: z.object({
    id: z.string().describe("GitHub's run id."),
    attempt: z.int(),
    repository: z.string().nullable(),
    workflow: z.string(),
    event: z.string(),
    ref: z.string(),
    commit: z.string(),
    dirty: z.boolean().describe('Whether the working tree differed from the commit.'),
    message: z.string(),
    actor: z.string(),
    url: z.string().nullable(),
    startedAt: time,
    finishedAt: time,
  }),
  jobs: z.array(jobRecordSchema),
});

export type Hardware = z.infer<typeof hardware>;
export type StepRecord = z.infer<typeof step>;
export type EnvironmentRecord = z.infer<typeof environment>;
export type StageRecord = z.infer<typeof stageSchema>;
export type TrainingRecord = z.infer<typeof training>;
export type ResourceRecord = z.infer<typeof resources>;
export type DeterminismRecord = z.infer<typeof determinism>;
export type PackageRecord = z.infer<typeof packaged>;
export type ImageRecord = z.infer<typeof image>;
export type ModelArtifactRecord = z.infer<typeof modelArtifact>;
export type DeploymentRecord = z.infer<typeof deployment>;
export type JobRecord = z.infer<typeof jobRecordSchema>;
export type RunRecord = z.infer<typeof runRecordSchema>;
