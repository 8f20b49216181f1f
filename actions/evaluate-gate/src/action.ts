import { choice, defineAction, flag, integer, list, number, structure, text } from '@mlops/core';

export const action = defineAction({
  name: 'evaluate-gate',
  title: 'Gate a model',
  description:
    'Decides by rules whether a model is good enough, and not worse than a baseline such as the one in production; a metric that is missing or not a number never passes.',
  branding: { icon: 'check-square', color: 'green' },
  inputs: {
    rules: structure(async () => (await import('./rules.ts')).rulesSchema, {
      description:
        'Metric → what is asked of it: a number is a `threshold`; else `threshold`, `min_absolute_change`, `min_relative_change` and `non_inferiority_margin` against the baseline, `greater_is_better` (known of many names, else true), `confidence` (0.95), `method`, `severity` (`fail` or `warn`), `slices`, and `groups` for fairness. Names of nested metrics are dotted, such as `test.accuracy`; `class.*.recall` stands for all that match.',
      required: true,
    }),
    metrics: list({
      description:
        "Files with the candidate's metrics (`.json`, `.yaml`, `.csv`). Default: what `train` measured earlier in the same job.",
    }),
    predictions: list({
      description:
        "Files with the candidate's predictions, a row for each example (`.csv`, `.tsv`, `.jsonl`, `.json`, `.parquet`, `.npz`, `.npy`), from which rules on built-in metrics such as `accuracy` or `rmse` are judged with intervals.",
    }),
    columns: structure(async () => (await import('./columns.ts')).columnsSchema, {
      description:
        'Which columns of the predictions hold what: `id`, `label`, `prediction`, `score`, `weight`, `query`, `latency`; and the `positive` class and the `task`. Default: the usual names.',
    }),
    'baseline-predictions': list({
      description:
        "Files with the baseline's predictions of the same examples, paired by id. Without `baseline` they are the baseline. Default: those that the baseline's run kept with its record, or that were committed.",
    }),
    resamples: integer({
      description: 'Resamples of the bootstrap, which serves metrics without a formula for their interval.',
      default: 10_000,
      min: 100,
      max: 1_000_000,
    }),
    seed: integer({
      description: 'Seed of the bootstrap: the same predictions give the same verdict.',
      default: 0,
      min: 0,
      max: 2_147_483_647,
    }),
    stratify: text({
      description:
        'Strata of which each resample has as many examples as there are: `label`, or a column of the predictions. All intervals are then of the bootstrap.',
    }),
    'max-unpaired': number({
      description:
        'Share of examples that may be without a partner, or have an id twice, before nothing is concluded.',
      default: 0.01,
      min: 0,
      max: 1,
    }),
    'allow-different-test-set': flag({
      description:
        'Whether to compare what both models were tested on where their test sets differ; otherwise nothing is concluded.',
      default: false,
    }),
    'if-same-as-baseline': choice(['pass', 'warn', 'fail'], {
      description:
        'Verdict of comparisons where candidate and baseline predict the same of every example, as one model compared with itself does.',
      default: 'warn',
    }),
    'keep-predictions': flag({
      description:
        "Whether the candidate's predictions stay with the run's record, so that later runs can be compared with them. Everyone who can read the repository can read them there.",
      default: true,
    }),
    baseline: text({
      description:
        'What to compare with: `alias:NAME` (the model deployed as NAME), `branch:NAME` (the newest recorded run of a branch that passed its gate; `branch` alone is the default branch), `git:REF` (the files of `metrics`, by default metrics.json, as committed there), `file:PATH`, or `none`. Default: the alias named like `environment`, otherwise `alias:production`.',
    }),
    'if-no-baseline': choice(['pass', 'warn', 'fail'], {
      description:
        'Verdict of rules that need a baseline while there is none yet, as before the first deployment.',
      default: 'warn',
    }),
    'on-inconclusive': choice(['fail', 'warn', 'pass'], {
      description:
        'What becomes of rules that the noise between several seeds leaves undecided. The verdict stays `inconclusive`; `warn` and `pass` let the model through, with a warning or a notice. What cannot be judged at all never gets through.',
      default: 'fail',
    }),
    enforce: flag({
      description: 'Whether a verdict that is not passed fails the step. With `false` only the outputs tell.',
      default: true,
    }),
    'records-branch': text({
      description: 'Branch that holds the records of finished runs.',
      default: 'mlops-records',
    }),
    'github-token': text({
      description: 'Token that reads the records; needs `contents: read`.',
      secret: true,
      fromRunner: '${{ github.token }}',
    }),
  },
  outputs: {
    verdict: '`pass`, `warn`, `fail` or `inconclusive`.',
    passed: '`true` when the verdict is pass or warn, or inconclusive and `on-inconclusive` lets it through.',
    'baseline-ref':
      'What the candidate was compared with, such as `alias:production at 1a2b3c4`; empty when nothing was.',
    'failed-rules': 'JSON array of the rules that did not pass, each `metric: rule`.',
    report: 'Path of the verdict with its evidence as Markdown, as the step summary has it.',
    'verdict-file': 'Path of the verdict with its evidence, as JSON; the same inputs give the same bytes.',
  },
});
