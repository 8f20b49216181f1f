import { choice, defineAction, integer, list, text } from '@mlops/core';

export const action = defineAction({
  name: 'report',
  title: 'Report a run',
  description:
    'Ends a job by keeping what its actions recorded, or ends a run with one HTML page, one summary, a comment on the pull request, a check run, and a record on a branch of the repository.',
  branding: { icon: 'file-text', color: 'blue' },
  inputs: {
    scope: choice(['job', 'run', 'triggering-run', 'dashboard'], {
      description:
        "`job` hands this job's part of the record to the jobs after it; `run` puts all parts together, renders them, posts them and records the run; `triggering-run`, in a workflow that `workflow_run` starts, posts the report of a run that could not do so itself, such as that of a pull request from a fork; `dashboard` makes one page of all recorded runs.",
      default: 'run',
    }),
    comment: choice(['auto', 'always', 'on-change', 'on-failure', 'never'], {
      description:
        'When the report is posted as a comment, which needs `pull-requests: write`: `auto` on the pull request that started the run, `always` also on the open one whose newest commit a push brought; so do `on-change`, unless verdicts, metrics and outcomes are those of the comment that stands there, and `on-failure`, only where something failed or had failed before.',
      default: 'auto',
    }),
    'comment-mode': choice(['update', 'recreate', 'append', 'hide', 'delete'], {
      description:
        'What becomes of the former comment: `update` replaces its text, `recreate` deletes it and posts anew, `append` leaves it, `hide` folds it away as outdated; `delete` deletes it and posts nothing.',
      default: 'update',
    }),
    'comment-key': text({
      description:
        "Tells this report's comment from other reports' on the same pull request. Default: the workflow's name and the project's folder.",
    }),
    'pull-request': integer({
      description: "Number of the pull request to comment on, where it is not the event's.",
      min: 1,
    }),
    cc: list({
      description:
        'Users and teams that the comment mentions when something failed, such as `ada` or `acme/ml`.',
      default: [],
    }),
    check: choice(['auto', 'never'], {
      description:
        'Whether a check run with the verdict and annotations is attached to the commit; needs `checks: write`.',
      default: 'auto',
    }),
    'check-name': text({
      description:
        "Name of the check run. Default: the workflow's name and `report`, for a project below the repository's root with its folder.",
    }),
    'user-report': text({
      description:
        'Markdown file of your own to include in the report, with its local images; relative to `working-directory`.',
    }),
    'model-card': text({
      description:
        'Model card to include in the report, Markdown with or without front matter; relative to `working-directory`.',
    }),
    record: choice(['auto', 'never'], {
      description:
        'Whether a finished run is recorded: `auto` records every run except those that a pull request, a comment or another workflow started, and needs `contents: write`; without it a notice says so.',
      default: 'auto',
    }),
    'records-branch': text({
      description: 'Branch that holds the records of finished runs.',
      default: 'mlops-records',
    }),
    'dashboard-path': text({
      description:
        "Folder that the dashboard's `index.html` is written to, relative to `working-directory`. Default: a temporary folder; the output of this name tells it.",
    }),
    publish: choice(['none', 'branch'], {
      description:
        'Whether the dashboard is pushed to a branch that GitHub Pages shows; needs `contents: write`.',
      default: 'none',
    }),
    'pages-branch': text({
      description: 'Branch that the dashboard is pushed to; all else that is there stays.',
      default: 'gh-pages',
    }),
    'pages-folder': text({
      description: "Folder of that branch for the dashboard, `.` for the branch's root.",
      default: 'dashboard',
    }),
    'artifact-name': text({
      description:
        "Name of the artifact that holds the HTML page and the record. Default: `mlops-report`, for a project below the repository's root with its folder appended; of a dashboard `mlops-dashboard`.",
    }),
    'retention-days': integer({
      description: "Days to keep the report's artifact. Default: the repository's setting.",
      min: 1,
      max: 400,
    }),
    matrix: text({
      description: "The job's matrix values, which tell its jobs apart; filled in by the runner.",
      fromRunner: '${{ toJSON(matrix) }}',
    }),
    'github-token': text({
      description:
        'Token that records the run and publishes the dashboard (`contents: write`), comments (`pull-requests: write`) and creates the check run (`checks: write`); what it may not do is left out, with a notice.',
      secret: true,
      fromRunner: '${{ github.token }}',
    }),
  },
  outputs: {
    'report-path': 'Path of the HTML page.',
    'record-path': "Path of the run's record, as JSON.",
    'report-url': 'Address of the HTML page, for whoever may read the run.',
    'artifact-name': 'Name of the uploaded artifact.',
    'dashboard-path': "Folder with the dashboard's page.",
    published: '`true` when the branch for GitHub Pages has the dashboard.',
    recorded: '`true` when the run was recorded on the branch.',
    'comment-url': 'Address of the comment, when there is one.',
    'check-url': 'Address of the check run, when there is one.',
  },
});
