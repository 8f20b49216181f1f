import { readFile } from 'node:fs/promises';
import type { RunResult } from '@mlops/testkit/engine';
import { type GitHubApi, type Permissions, startGitHubApi } from '@mlops/testkit/github-api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Example, expectSuccess, noticesOf } from './example.ts';

/** Where the report goes on GitHub, from the repository's own pull requests and from those of forks. */

let example: Example;
let api: GitHubApi;
let sha: string;

beforeAll(async () => {
  example = await Example.open();
  await example.git('checkout', '--quiet', '-b', 'improve');
  await example.push('Improve');
  sha = (await example.git('rev-parse', 'HEAD')).trim();
  api = await startGitHubApi();
  repository().addCommit({ branch: 'improve', sha });
});
afterAll(async () => {
  await api.close();
  await example.close();
});

const repository = () => api.repository('octo-org/model');

const run = (permissions: Permissions, options: Parameters<Example['run']>[0]): Promise<RunResult> =>
  example.run({
    ...options,
    secrets: { GITHUB_TOKEN: api.token(permissions) },
    env: { GITHUB_API_URL: api.url },
  });

test('the pipeline of a pull request comments on it, and attaches its verdict with a link to the page', async () => {
  const pull = repository().addPullRequest({ head: 'improve' });
  const result = await run(
    { contents: 'write', 'pull-requests': 'write', checks: 'write' },
    { event: 'pull_request' },
  );

  expectSuccess(result);
  expect(repository().comments).toMatchObject([
    { issue_number: pull.number, body: expect.stringContaining('## ✅ Gate: pass') },
  ]);
  expect(repository().checkRuns).toMatchObject([{ head_sha: sha, conclusion: 'success' }]);
  expect(repository().comments[0]?.body).toContain(`/octo-org/model/actions/runs/${result.runId}/artifacts/`);
  api.expectNoViolations();
});

test('the run of a fork can only read, and the workflow that its end starts posts its report', async () => {
  const pull = repository().addPullRequest({ head: 'improve', fork: 'octocat/model' });
  repository().comments.length = 0;
  const result = await run(
    { contents: 'read', 'pull-requests': 'read' },
    { event: 'pull_request', fork: true },
  );
  expectSuccess(result);
  expect(noticesOf(result).join('\n')).toContain('from a fork can only read');
  expect(repository().comments).toEqual([]);

  const report = result.artifacts.find(({ name }) => name === 'mlops-report');
  const workflow = repository().addWorkflow('.github/workflows/ml.yml', { name: 'ML' });
  const theirs = repository().addWorkflowRun(workflow, {
    id: Number(result.runId),
    event: 'pull_request',
    head_branch: 'improve',
    head_sha: sha,
  });
  repository().addArtifact(theirs, 'mlops-report', await readFile(report?.path ?? ''));
  await example.git('checkout', '--quiet', 'main');
  const relay = await run(
    { actions: 'read', 'pull-requests': 'write', checks: 'write' },
    {
      event: 'workflow_run',
      workflow: 'report-forks.yml',
      payload: {
        action: 'completed',
        workflow_run: {
          ...{ id: theirs.id, name: 'ML', run_attempt: 1, event: 'pull_request', conclusion: 'success' },
          ...{ head_sha: sha, head_branch: 'improve', actor: { login: 'octocat' } },
          head_repository: { full_name: 'octocat/model' },
          html_url: `https://github.com/octo-org/model/actions/runs/${theirs.id}`,
        },
      },
    },
  );

  expectSuccess(relay);
  expect(repository().comments).toMatchObject([
    {
      issue_number: pull.number,
      body: expect.stringContaining("The pull request's own code made this report"),
    },
  ]);
  expect(repository().comments[0]?.body).toContain('## ✅ Gate: pass');
  api.expectNoViolations();
});
