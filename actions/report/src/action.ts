import { choice, defineAction, integer, text } from '@mlops/core';

export const action = defineAction({
  name: 'report',
  title: 'Report a run',
  description:
    'Ends a job by keeping what its actions recorded, or ends a run with one HTML page, one summary and a record on a branch of the repository.',
  branding: { icon: 'file-text', color: 'blue' },
  inputs: {
    scope: choice(['job', 'run'], {
      description:
        "`job` hands this job's part of the record to the jobs after it; `run` puts all parts together, renders them and records the run.",
      default: 'run',
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
    'artifact-name': text({
      description:
        "Name of the artifact that holds the HTML page and the record. Default: `mlops-report`, for a project below the repository's root with its folder appended.",
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
      description: 'Token that pushes the record; needs `contents: write`.',
      secret: true,
      fromRunner: '${{ github.token }}',
    }),
  },
  outputs: {
    'report-path': 'Path of the HTML page.',
    'record-path': "Path of the run's record, as JSON.",
    'artifact-name': 'Name of the uploaded artifact.',
    recorded: '`true` when the run was recorded on the branch.',
  },
});
