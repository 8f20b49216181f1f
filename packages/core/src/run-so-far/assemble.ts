import type { JobRecord, RunRecord } from '../record/schema.ts';

/** What is known of a run without its jobs. */
export type AboutRun = Omit<RunRecord['run'], 'startedAt' | 'finishedAt'>;

/** One record of the whole run from the jobs' parts. */
export function assemble(parts: readonly JobRecord[], run: AboutRun): RunRecord {
  const jobs = newestAttempts(parts).sort((a, b) => order(a.startedAt, b.startedAt));
  const now = new Date().toISOString();
  return { schema: 1, run: { ...run, startedAt: jobs[0]?.startedAt ?? now, finishedAt: now }, jobs };
}

/**
 * Of a job that was run again, its newest attempt counts; of a job that handed its part on twice, the later part.
 * Legs of a matrix are jobs of their own, and so are calls of the same workflow within one attempt. A deployment from
 * before the newest training was of another model, and stands in that attempt's record.
 */
function newestAttempts(parts: readonly JobRecord[]): JobRecord[] {
  const jobOf = ({ job, matrix }: JobRecord) => JSON.stringify([job, matrix]);
  const newest = new Map<string, number>();
  for (const part of parts)
    newest.set(jobOf(part), Math.max(part.attempt, newest.get(jobOf(part)) ?? part.attempt));
  const trained = Math.max(
    0,
    ...parts.filter(({ trainings }) => trainings.length).map(({ attempt }) => attempt),
  );
  const current = parts.filter(
    (part) =>
      part.attempt === newest.get(jobOf(part)) && (part.attempt >= trained || !part.deployments.length),
  );
  const byTime = current.sort((a, b) => order(a.finishedAt, b.finishedAt));
  return [...new Map(byTime.map((part) => [`${jobOf(part)} ${part.startedAt}`, part])).values()];
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
