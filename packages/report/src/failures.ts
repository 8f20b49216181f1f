import type { JobRecord } from '@mlops/core/record';
import { jobName } from './text.ts';

/** A step that did not succeed. */
export interface Failure {
  action: string;
  outcome: JobRecord['steps'][number]['outcome'];
  error: string;
  /** Names of the jobs in which it ended alike. */
  jobs: string[];
}

/** What failed or was cancelled; the legs of a matrix often fail alike, and are named together. */
export function failuresOf(jobs: readonly JobRecord[]): Failure[] {
  const found = new Map<string, Failure>();
  for (const job of jobs)
    for (const { action, outcome, error = '' } of job.steps) {
      if (outcome === 'success') continue;
      const key = JSON.stringify([action, outcome, error]);
      const failure = found.get(key) ?? { action, outcome, error, jobs: [] };
      failure.jobs.push(jobName(job));
      found.set(key, failure);
    }
  return [...found.values()];
}
