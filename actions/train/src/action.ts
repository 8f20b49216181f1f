import { choice, defineAction, flag, integer, list, structure, text, textOr } from '@mlops/core';

export const action = defineAction({
  name: 'train',
  title: 'Train a model',
  description:
    'Runs a training command or a pipeline of stages, skips what did not change, reads metrics, keeps the model.',
  branding: { icon: 'cpu', color: 'blue' },
  inputs: {
    run: textOr(async () => (await import('./stages.ts')).stagesSchema, {
      description:
        'A command, or a list of stages with `name`, `run`, `inputs`, `outputs` and `params`. Stages run in the order of their dependencies, and only when something they depend on has changed.',
      required: true,
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
      'Metrics as a JSON object with dotted names; NaN and infinities as text, which JSON has no numbers for.',
    'artifact-name': 'Name of the artifact, whether or not it was uploaded.',
    'artifact-id': 'Id of the uploaded artifact.',
    'artifact-url': 'Page that downloads the artifact.',
    'stages-run': 'JSON list of the stages that ran.',
    'stages-skipped': 'JSON list of the stages that were skipped because nothing they depend on had changed.',
    duration: 'Seconds that the whole step took.',
  },
});
