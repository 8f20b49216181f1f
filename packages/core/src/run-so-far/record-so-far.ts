import type { RunRecord } from '../record/schema.ts';
import type { Context } from '../run.ts';
import { aboutRun } from './about-run.ts';
import { assemble } from './assemble.ts';
import { partsOfOtherJobs } from './parts.ts';

/** The record of this run as far as its jobs have handed on their parts, and this job's own. */
export async function recordSoFar({
  github,
  project,
  record,
  signal,
  workingDirectory,
}: Pick<Context, 'github' | 'project' | 'record' | 'signal' | 'workingDirectory'>): Promise<RunRecord> {
  const parts = [
    ...(await partsOfOtherJobs(project, github, signal)),
    ...(record.steps.length ? [record] : []),
  ];
  return assemble(parts, await aboutRun(github, workingDirectory));
}
