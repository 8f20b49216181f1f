import type { GitHub } from '@mlops/core';
import { command } from '@mlops/core/process';
import type { AliasMove, JobRecord, RunRecord } from '@mlops/core/record';

/** One record of the whole run from the jobs' parts. */
export async function assemble(
  parts: readonly JobRecord[],
  github: GitHub,
  folder: string,
): Promise<RunRecord> {
  const jobs = newestAttempts(parts).sort((a, b) => order(a.startedAt, b.startedAt));
  const now = new Date().toISOString();
  return {
    schema: 1,
    run: {
      id: github.runId,
      attempt: github.runAttempt,
      repository: github.repository ?? null,
      workflow: github.workflow,
      event: github.event,
      ref: github.ref,
      commit: github.payload.pull_request?.head.sha ?? github.sha,
      ...(await workingTree(folder)),
      actor: github.actor,
      url: github.runUrl ?? null,
      startedAt: jobs[0]?.startedAt ?? now,
      finishedAt: now,
    },
    jobs,
  };
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

/**
 * The aliases that a run moves: an environment's name points to the run that trained the model which was deployed
 * there. A later deployment of the same run wins. A model that another run trained moves nothing: this record does not
 * say how good it is.
 */
export function aliasesOf(record: RunRecord): AliasMove[] {
  const trainings = record.jobs.flatMap((job) => job.trainings);
  const moves = new Map<string, AliasMove>();
  for (const { outcome, environment, modelDigest, revision } of record.jobs.flatMap(
    (job) => job.deployments,
  )) {
    const training = trainings.find(({ model }) => model && model.digest === modelDigest);
    if (!training || !modelDigest || (outcome !== 'deployed' && outcome !== 'unchanged')) continue;
    const since = record.run.finishedAt;
    moves.set(`${training.name} ${environment}`, {
      model: training.name,
      name: environment,
      modelDigest,
      revision,
      since,
    });
  }
  return [...moves.values()];
}

async function workingTree(folder: string): Promise<{ message: string; dirty: boolean }> {
  const git = async (args: string[]) => (await command('git', args, { cwd: folder })).stdout.trim();
  const [message, status] = await Promise.all([
    git(['log', '-1', '--format=%s']).catch(() => ''),
    git(['status', '--porcelain', '--untracked-files=no']).catch(() => ''),
  ]);
  return { message, dirty: status !== '' };
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
