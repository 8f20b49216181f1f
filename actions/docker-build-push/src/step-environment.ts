/**
 * The environment of buildx: this action's inputs, secrets among them, are none of its business. What GitHub's cache is
 * reached with stays, since BuildKit's cache `gha` needs it.
 */
export function buildEnvironment(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  const ours = Object.keys(env).filter((name) => /^(?:INPUT_|STATE_)/.test(name));
  return {
    ...Object.fromEntries(ours.map((name) => [name, undefined])),
    // A warning for people at a terminal, and a request to the outside in every build.
    DOCKER_CLI_HINTS: 'false',
    BUILDX_NO_DEFAULT_ATTESTATIONS: '1',
  };
}
