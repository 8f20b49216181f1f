import { choice, defineAction, duration, integer, structure, text } from '@mlops/core';

export const action = defineAction({
  name: 'cloud-deploy',
  title: 'Deploy a model',
  description:
    'Deploys a packaged model behind a stable URL without dropping a request: health and smoke tests before the switch, rollback when they fail.',
  branding: { icon: 'upload-cloud', color: 'green' },
  inputs: {
    target: choice(['host'], {
      description: 'Where to deploy to. `host`: this very machine, a self-hosted runner.',
      required: true,
    }),
    command: choice(['deploy', 'rollback', 'stop'], {
      description:
        '`deploy` a package, `rollback` to the release before the one that serves now, or `stop` serving.',
      default: 'deploy',
    }),
    package: text({
      description:
        'Path of the archive to deploy, as the `package` action writes it. Either this or `artifact`.',
    }),
    artifact: text({
      description:
        'Name of the artifact that the `package` action uploaded earlier in the run. Either this or `package`.',
    }),
    name: text({
      description:
        "Name of the deployment. Default: the package's name; for `rollback` and `stop` the only deployment of the environment.",
    }),
    'releases-path': text({
      description: 'Folder of all deployments on this machine. Default: `~/.mlops/deployments`.',
    }),
    install: text({
      description:
        'Script that prepares a release, run once in its folder before it is served, such as one that installs requirements.txt.',
    }),
    serve: text({
      description:
        'Script that serves the model in the foreground on `$HOST:$PORT`, run in the folder of the release. Required to deploy.',
    }),
    port: integer({
      description:
        'Port of the stable URL. 0 keeps the port that the deployment has, and chooses a free one at first.',
      default: 8000,
      min: 0,
      max: 65535,
    }),
    host: text({
      description:
        'Address that the stable URL listens on. Only this machine reaches the default; `0.0.0.0` lets the network in.',
      default: '127.0.0.1',
    }),
    'health-path': text({
      description: 'Path that answers with status 2xx once the model can serve.',
      default: '/health',
    }),
    'health-timeout': duration({
      description: 'How long a new release may take to become healthy.',
      default: '60s',
    }),
    smoke: structure(async () => (await import('@mlops/smoke')).smokeSchema, {
      description:
        'Requests to send before the switch, a list of `{path, method, headers, json | body, expect: {status, json, max-ms}}`; `expect.json` may be a part of the answer. One that fails rolls back.',
      default: [],
    }),
    'drain-timeout': duration({
      description: 'How long requests under way may take to finish on the old release after the switch.',
      default: '30s',
    }),
    'keep-releases': integer({
      description: 'How many releases to keep on disk for rollbacks, the live one included.',
      default: 3,
      min: 1,
      max: 100,
    }),
  },
  outputs: {
    url: 'The stable URL.',
    revision: 'Revision that was deployed, or that failed to be.',
    'previous-revision': 'Revision that served before; empty at first.',
    outcome: '`deployed`, `unchanged`, `rolled-back`, `failed` or `stopped`.',
    'rolled-back':
      '`true` when the new release was withdrawn and the previous one serves on, otherwise `false`.',
    'deployment-path': 'Folder of the deployment; `current` in it leads to the live release.',
    reason: 'Why it failed or was rolled back; empty otherwise.',
  },
});
