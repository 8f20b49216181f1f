import type { AliasMove, RunRecord } from '@mlops/core/record';

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
