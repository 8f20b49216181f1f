import { choice, defineAction, duration, flag, integer, list, structure, text, textOr } from '@mlops/core';

export const action = defineAction({
  name: 'train',
  title: 'Train a model',
  description:
    'Runs a training command or a pipeline of stages, skips what did not change, reads metrics, keeps the model.',
  branding: { icon: 'cpu', color: 'blue' },
  post: true,
  inputs: {
    run: textOr(async () => (await import('./stages.ts')).stagesSchema, {
      description:
        'A command, or a list of stages with `name`, `run`, `inputs`, `outputs` and `params`. Stages run in the order of their dependencies, and only when something they depend on has changed. Without it, the `dvc.yaml` in the working directory is run by DVC, or otherwise the entry point of its `MLproject`.',
    }),
    'dvc-targets': list({
      description: 'Stages of `dvc.yaml` to run, with all they depend on. Default: every stage.',
    }),
    'dvc-remote': text({
      description:
        "DVC remote that missing data is fetched from, and outputs are pushed to. Default: the project's own default.",
    }),
    'dvc-push': flag({
      description:
        'Whether outputs of stages that ran are pushed to the DVC remote, so that the changed `dvc.lock` can be committed. Never done for events that may run untrusted code.',
      default: false,
    }),
    'entry-point': text({
      description: 'Entry point of `MLproject`, or a script such as `train.py`. Default: `main`.',
    }),
    parameters: structure(async () => (await import('./mlproject/parameters.ts')).parametersSchema, {
      description:
        'Values for the parameters of the entry point, by name. Names it does not declare are appended to the command as `--name value`.',
    }),
    model: text({ description: 'File or folder that holds the trained model.' }),
    metrics: list({
      description:
        'Files with metrics (`.json`, `.yaml`, `.csv`, `.tsv`) or curves (`.jsonl`, `.csv` with a step column). Without it, `metrics.json` is read where there is one.',
    }),
    'params-file': text({
      description: 'File with the parameters that stages name in `params`.',
      default: 'params.yaml',
    }),
    'artifact-name': text({
      description:
        "Name of the model and of the artifact with model, metrics and training record. Default: `model`, or for a project below the repository's root its folder, as in `models-tumor`. In a matrix job the matrix's values are appended, as in `model-3.12-large`.",
    }),
    cache: choice(['auto', 'off'], {
      description:
        'Whether results of stages are kept and reused; with `off` every stage runs and nothing is saved.',
      default: 'auto',
    }),
    force: list({ description: 'Stages that run even when nothing changed; `all` stands for every stage.' }),
    'checkpoint-dir': text({
      description:
        'Folder that the command writes checkpoints into. It is emptied before a training starts anew, kept on an interval, on failure, on cancellation and at a limit, and put back for the next attempt, which finds it named in MLOPS_RESUME_FROM.',
    }),
    'checkpoint-interval': duration({
      description: 'Time between two saves of the newest checkpoint to the cache.',
      default: '10m',
    }),
    'checkpoint-key': text({
      description:
        'Name of the training whose checkpoints are used, although code or parameters may differ. Default: a digest of everything that the result depends on; for a command alone, of commit, parameters and environment.',
    }),
    'time-limit': duration({
      description:
        'Longest time that the training may take in this step. Then the command is asked to end (interrupt, then terminate), and its checkpoint is kept.',
    }),
    'job-timeout-minutes': integer({
      description:
        "The job's own `timeout-minutes`. With `checkpoint-dir`, the training is stopped 10 minutes before (a tenth of a shorter job), while there is time to save its checkpoint.",
      min: 1,
      max: 51_840,
    }),
    'stop-grace': duration({
      description: 'Time that a command has to save its state when it is stopped at a limit.',
      default: '60s',
    }),
    budget: text({
      description:
        'Amount of money, in the currency of `prices`, that a training may cost over all its attempts; it is then stopped as at `time-limit`.',
    }),
    prices: structure(async () => (await import('./resources/prices.ts')).pricesSchema, {
      description:
        "What machines and energy cost, for the estimate of a training's cost and for `budget`: `currency`, `hour` (a number, or `runner`, `cpu-core` and `gpu`), `kwh`, `co2`. Default: GitHub's prices on its own runners.",
    }),
    heartbeat: duration({
      description:
        'Time of silence after which the log says that the command still runs, and what the machine does; `0` says nothing.',
      default: '1m',
    }),
    'if-unfinished': choice(['fail', 'pass'], {
      description:
        'Whether the step fails when it was stopped at a limit with a checkpoint to go on from. With `pass`, look at the output `finished`.',
      default: 'fail',
    }),
    repeat: integer({
      description:
        'Number of seeds to train with, one after the other. The command finds its seed in MLOPS_SEED; metrics are the means, the model is that of the first seed.',
      min: 1,
      max: 100,
    }),
    seeds: list({
      description: 'Seeds to train with, whole numbers. Default: 0, 1, … as many as `repeat` says.',
    }),
    upload: flag({ description: 'Whether model and metrics are uploaded as an artifact.', default: true }),
    'retention-days': integer({
      description: "Days that the artifact is kept; without it, the repository's setting.",
      min: 1,
      max: 400,
    }),
    matrix: structure(async () => (await import('./matrix.ts')).matrixSchema, {
      description: "The job's matrix values, which tell its jobs apart; filled in by the runner.",
      fromRunner: '${{ toJSON(matrix) }}',
    }),
  },
  outputs: {
    'model-path': 'Absolute path of the model.',
    'model-digest': 'Digest of the model, `sha256:…`; the same content has the same digest everywhere.',
    metrics:
      'Metrics as a JSON object with dotted names; NaN and infinities as text, which JSON has no numbers for. With several seeds, their means.',
    'metrics-spread':
      'Standard deviation of each metric over the seeds, as a JSON object; set with `repeat`.',
    'artifact-name': 'Name of the artifact, whether or not it was uploaded.',
    'artifact-id': 'Id of the uploaded artifact.',
    'artifact-url': 'Page that downloads the artifact.',
    'stages-run': 'JSON list of the stages that ran.',
    'stages-skipped': 'JSON list of the stages that were skipped because nothing they depend on had changed.',
    finished: 'Whether the training came to its end: `false` when it failed, or was stopped at a limit.',
    outcome: 'How it went: `finished`, `failed`, `out-of-memory`, `time-limit`, `budget` or `cancelled`.',
    cost: 'What the training cost so far, all attempts together, in the currency of `prices`.',
    duration: 'Seconds that the whole step took.',
  },
});
