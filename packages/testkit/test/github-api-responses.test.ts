import { getOctokit } from '@actions/github';
import { beforeAll, expect, test } from 'vitest';
import { DOWNLOAD_TIMEOUT_MS, loadDescription, startGitHubApi } from '../src/github-api/index.ts';
import { OPERATIONS } from '../src/github-api/operations/index.ts';

const EVERYTHING = {
  actions: 'write',
  administration: 'write',
  checks: 'write',
  contents: 'write',
  deployments: 'write',
  environments: 'write',
  issues: 'write',
  'pull-requests': 'write',
  statuses: 'write',
} as const;

beforeAll(() => loadDescription(), DOWNLOAD_TIMEOUT_MS);

test('every modelled operation answers as GitHub describes it', async () => {
  await using github = await startGitHubApi();
  const repository = github.repository('octo/ml');
  const first = repository.addCommit({ files: { 'README.md': 'hello', 'src/train.py': 'pass' } });
  const pull = repository.addPullRequest({
    head: 'feature/lr',
    files: [
      { filename: 'src/train.py', status: 'modified', additions: 2, deletions: 1, patch: '@@ -1 +1,2 @@' },
    ],
  });
  const sha = pull.pull_request.head.sha;
  const workflow = repository.addWorkflow('.github/workflows/train.yml', { inputs: ['epochs'] });
  const run = repository.addWorkflowRun(workflow);
  repository.addWorkflowJob(run, 'train', {
    steps: [{ name: 'fit', status: 'completed', conclusion: 'success' }],
  });
  const artifact = repository.addArtifact(run, 'model', Buffer.from('zip'));
  repository.addCommit({ branch: 'other' });
  const octokit = getOctokit(github.token(EVERYTHING), { baseUrl: github.enterpriseUrl });
  const call = async (operation: string, parameters: object = {}) => {
    const [scope, name] = operation.split('/') as [string, string];
    const method = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    const endpoint = (octokit.rest as unknown as Record<string, Record<string, CallableFunction>>)[scope]?.[
      method
    ];
    if (!endpoint) throw new Error(`octokit has no ${operation}`);
    return (await endpoint({ owner: 'octo', repo: 'ml', ...parameters })).data;
  };

  await call('repos/get');
  await call('repos/get-content', { path: 'src' });
  await call('repos/get-content', { path: 'README.md', ref: 'feature/lr' });
  const content = Buffer.from('new').toString('base64');
  await call('repos/create-or-update-file-contents', {
    path: 'docs/card.md',
    message: 'Add the card',
    content,
  });
  await call('repos/get-branch', { branch: 'feature/lr' });
  await call('repos/get-commit', { ref: first.sha });
  await call('git/get-ref', { ref: 'heads/feature/lr' });
  await call('git/list-matching-refs', { ref: 'heads/' });
  await call('git/create-ref', { ref: 'refs/tags/model@v1', sha: first.sha });
  await call('git/update-ref', { ref: 'tags/model@v1', sha });
  await call('git/delete-ref', { ref: 'tags/model@v1' });

  const issue = await call('issues/create', { title: 'Drift', labels: ['drift'] });
  await call('issues/list-for-repo');
  await call('issues/get', { issue_number: pull.number });
  await call('issues/update', { issue_number: issue.number, state: 'closed' });
  const comment = await call('issues/create-comment', { issue_number: pull.number, body: 'Report' });
  await call('issues/list-comments', { issue_number: pull.number });
  await call('issues/list-comments-for-repo');
  await call('issues/get-comment', { comment_id: comment.id });
  await call('issues/update-comment', { comment_id: comment.id, body: 'New report' });
  await call('issues/delete-comment', { comment_id: comment.id });
  await call('issues/create-label', { name: 'model', color: 'ff0000' });
  await call('issues/get-label', { name: 'model' });
  await call('issues/list-labels-for-repo');
  await call('issues/add-labels', { issue_number: issue.number, labels: ['model'] });
  await call('issues/set-labels', { issue_number: issue.number, labels: ['model', 'drift'] });
  await call('issues/remove-label', { issue_number: issue.number, name: 'drift' });
  await call('issues/list-labels-on-issue', { issue_number: issue.number });

  await call('pulls/create', { title: 'Other', head: 'other', base: 'main' });
  await call('pulls/list', { head: 'octo:feature/lr' });
  await call('pulls/get', { pull_number: pull.number });
  await call('pulls/list-files', { pull_number: pull.number });
  await call('repos/list-pull-requests-associated-with-commit', { commit_sha: sha });

  const check = await call('checks/create', { name: 'gate', head_sha: sha });
  const annotation = { path: 'a.py', start_line: 1, end_line: 1, annotation_level: 'warning', message: 'm' };
  await call('checks/update', {
    check_run_id: check.id,
    conclusion: 'success',
    output: { title: 't', summary: 's', annotations: [annotation] },
  });
  await call('checks/get', { check_run_id: check.id });
  await call('checks/list-annotations', { check_run_id: check.id });
  await call('checks/list-for-ref', { ref: 'feature/lr' });
  await call('repos/create-commit-status', { sha, state: 'success', context: 'gate' });
  await call('repos/list-commit-statuses-for-ref', { ref: sha });
  await call('repos/get-combined-status-for-ref', { ref: 'feature/lr' });

  const deployment = await call('repos/create-deployment', { ref: 'feature/lr', environment: 'staging' });
  await call('repos/list-deployments', { environment: 'staging' });
  await call('repos/get-deployment', { deployment_id: deployment.id });
  const status = await call('repos/create-deployment-status', {
    deployment_id: deployment.id,
    state: 'success',
  });
  await call('repos/list-deployment-statuses', { deployment_id: deployment.id });
  await call('repos/get-deployment-status', { deployment_id: deployment.id, status_id: status.id });
  await call('repos/delete-deployment', { deployment_id: deployment.id });
  await call('repos/get-all-environments');
  await call('repos/create-or-update-environment', { environment_name: 'eu/production' });
  await call('repos/get-environment', { environment_name: 'eu/production' });
  await call('repos/delete-an-environment', { environment_name: 'eu/production' });

  await call('repos/create-dispatch-event', { event_type: 'retrain', client_payload: { reason: 'drift' } });
  await call('actions/create-workflow-dispatch', {
    workflow_id: 'train.yml',
    ref: 'main',
    inputs: { epochs: '3' },
  });
  await call('actions/list-repo-workflows');
  await call('actions/get-workflow', { workflow_id: workflow.id });
  await call('actions/list-workflow-runs-for-repo', { branch: 'main' });
  await call('actions/list-workflow-runs', { workflow_id: 'train.yml' });
  await call('actions/get-workflow-run', { run_id: run.id });
  await call('actions/list-jobs-for-workflow-run', { run_id: run.id });
  await call('actions/list-artifacts-for-repo', { name: 'model' });
  await call('actions/list-workflow-run-artifacts', { run_id: run.id });
  await call('actions/get-artifact', { artifact_id: artifact.id });
  const zip = await call('actions/download-artifact', { artifact_id: artifact.id, archive_format: 'zip' });
  expect(Buffer.from(zip)).toEqual(artifact.data);
  await call('actions/delete-artifact', { artifact_id: artifact.id });

  const release = await call('repos/create-release', { tag_name: 'v1.0.0', name: 'One' });
  await call('repos/list-releases');
  await call('repos/get-release', { release_id: release.id });
  await call('repos/get-latest-release');
  await call('repos/get-release-by-tag', { tag: 'v1.0.0' });
  await call('repos/update-release', { release_id: release.id, body: 'Notes' });
  const uploadUrl = release.upload_url;
  const asset = await call('repos/upload-release-asset', { url: uploadUrl, name: 'a.bin', data: 'bytes' });
  await call('repos/list-release-assets', { release_id: release.id });
  await call('repos/get-release-asset', { asset_id: asset.id });
  await call('repos/delete-release', { release_id: release.id });

  github.expectNoViolations();
  const called = new Set(github.requests.map(({ operation }) => operation));
  expect(Object.keys(OPERATIONS).filter((operation) => !called.has(operation))).toEqual([]);
});
