import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, UserError } from '../errors.ts';
import type { GitHub } from '../github.ts';
import { type Kept, keepFile, keptFile, keptPath } from '../record/kept.ts';
import { type JobRecord, jobRecordSchema } from '../record/schema.ts';
import { annotate } from '../runner.ts';
import { fromOtherJobs } from './other-jobs.ts';

/** Parts of a project's record travel between jobs as artifacts whose names start so. */
export function partPrefix(project: string): string {
  return `mlops-record${project && `-${project}`}.`;
}

const partFile = 'run-record.json';

/** The files of a job's part in its folder `mlops`: the record, and the predictions that its gates kept. */
export function filesOfPart(record: JobRecord, { temp }: Pick<GitHub, 'temp'>): string[] {
  const kept = keptBy([record]).map(({ digest }) => keptPath(digest));
  return [partFile, ...kept.filter((path) => existsSync(join(temp, 'mlops', path)))];
}

/** The predictions that the gates of jobs kept, by their paths on the records branch. */
export async function keptFiles(
  jobs: readonly JobRecord[],
  github: Pick<GitHub, 'temp'>,
): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const kept of keptBy(jobs)) {
    const content = await keptFile(github, kept);
    if (content) files.set(keptPath(kept.digest), content);
    else
      annotate(
        'notice',
        'Predictions that a gate kept did not arrive as they were, so later runs cannot be compared with them example by example.',
      );
  }
  return files;
}

function keptBy(jobs: readonly JobRecord[]): Kept[] {
  const all = jobs.flatMap(({ gates }) => gates.flatMap(({ kept }) => kept ?? []));
  return [...new Map(all.map((kept) => [kept.digest, kept])).values()];
}

/** What the other jobs of this run handed on for the same project, and the predictions that they kept. */
export async function partsOfOtherJobs(
  project: string,
  { temp }: Pick<GitHub, 'temp'>,
  signal: AbortSignal,
): Promise<JobRecord[]> {
  const sought = { prefix: partPrefix(project), paths: [partFile, 'predictions'], temp, signal };
  return fromOtherJobs(sought, async ({ artifact, file }) => {
    const part = parsed((await file(partFile))?.toString(), artifact);
    for (const { digest } of keptBy([part])) {
      const content = await file(keptPath(digest));
      if (content) await keepFile({ temp }, content);
    }
    return part;
  });
}

function parsed(text: string | undefined, artifact: string): JobRecord {
  if (text === undefined) throw unreadable(artifact, `there is no ${partFile} in it`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unreadable(artifact, messageOf(error), error);
  }
  const result = jobRecordSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw unreadable(artifact, `${issue?.path.join('.')}: ${issue?.message}`, result.error);
}

function unreadable(artifact: string, why: string, cause?: unknown): UserError {
  return new UserError(`the artifact '${artifact}' holds no part of a run's record: ${why}`, {
    cause,
    advice: `Use the same version of these actions in all jobs of a run, and no other artifact whose name starts with '${artifact.replace(/[^.]*$/, '')}'.`,
  });
}
