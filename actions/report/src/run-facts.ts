import type { GitHub } from '@mlops/core';
import { command } from '@mlops/core/process';
import type { AliasMove, RunRecord } from '@mlops/core/record';
import type { AboutRun } from '@mlops/report';

/** What GitHub and the checkout say of this run. */
export async function aboutRun(github: GitHub, folder: string): Promise<AboutRun> {
  return {
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
  };
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
