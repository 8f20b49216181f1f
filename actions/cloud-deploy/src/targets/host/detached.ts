/**
 * The environment of a process that outlives the job: this step's, without what the runner put there for the step
 * alone. RUNNER_TRACKING_ID is how the runner finds the processes that it kills at the end of a job, and nothing that
 * serves for weeks should hold the job's tokens.
 */
export function lastingEnvironment(added: Record<string, string> = {}): Record<string, string | undefined> {
  const ofTheJob = /^(INPUT|STATE|GITHUB|RUNNER|ACTIONS|ACT)_|^(CI|ACT)$/i;
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !ofTheJob.test(name))),
    ...added,
  };
}
