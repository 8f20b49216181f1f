/**
 * Changes to an action's environment that make it that of a `run:` step: there a command has neither the action's inputs
 * nor the tokens that write the run's caches and artifacts. Python writes its log at once instead of at the end.
 */
export function stepEnvironment(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  const ours = /^(INPUT_|STATE_|ACTIONS_RUNTIME_|ACTIONS_RESULTS_|ACTIONS_CACHE_|GITHUB_STATE$)/;
  const removed = Object.keys(env).filter((name) => ours.test(name));
  return {
    ...Object.fromEntries(removed.map((name) => [name, undefined])),
    PYTHONUNBUFFERED: env.PYTHONUNBUFFERED ?? '1',
  };
}
