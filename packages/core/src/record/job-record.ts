import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import type { GitHub } from '../github.ts';
import { redact } from '../runner.ts';
import type { JobRecord } from './schema.ts';

/** Where a job's fragment lies; it ends with the job, so it must be uploaded before. */
export function jobRecordPath(github: GitHub): string {
  return join(github.temp, 'mlops', 'run-record.json');
}

/** This job's fragment so far, also where an older action has written it; a new one when none has. */
export function readJobRecord(github: GitHub): JobRecord {
  const path = jobRecordPath(github);
  const written = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Partial<JobRecord>) : {};
  const now = new Date().toISOString();
  return {
    schema: 1,
    job: github.job,
    matrix: null,
    attempt: github.runAttempt,
    startedAt: now,
    finishedAt: now,
    hardware: {
      os: platform(),
      arch: arch(),
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: availableParallelism(),
      memoryBytes: totalmem(),
      runner: process.env.RUNNER_NAME ?? 'local',
    },
    steps: [],
    environments: [],
    trainings: [],
    gates: [],
    packages: [],
    images: [],
    modelArtifacts: [],
    deployments: [],
    ...written,
  };
}

/** Replaces the job's fragment in one step, with masked secrets taken out. */
export function writeJobRecord(github: GitHub, record: JobRecord): void {
  const path = jobRecordPath(github);
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, redact(JSON.stringify(record)));
  renameSync(temporary, path);
}
