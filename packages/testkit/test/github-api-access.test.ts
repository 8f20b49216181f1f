import { get as httpGet, type IncomingMessage } from 'node:http';
import { getOctokit } from '@actions/github';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  DOWNLOAD_TIMEOUT_MS,
  type GitHubApi,
  loadDescription,
  type Permissions,
  startGitHubApi,
} from '../src/github-api/index.ts';

const REPOSITORY = { owner: 'octo', repo: 'ml' };
let github: GitHubApi;

beforeAll(() => loadDescription(), DOWNLOAD_TIMEOUT_MS);
beforeEach(async () => {
  github = await startGitHubApi();
  github.repository('octo/ml').addIssue();
});
afterEach(() => github.close());

function comment(permissions: Permissions, repositories?: string[]) {
  const token = github.token(permissions, repositories ? { repositories } : {});
  const octokit = getOctokit(token, { baseUrl: github.url });
  return octokit.rest.issues.createComment({ ...REPOSITORY, issue_number: 1, body: 'hello' });
}

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(github.url + path, { headers });
}

test('a write needs its permission, or one that does as well', async () => {
  await comment({ issues: 'write' });
  await comment({ 'pull-requests': 'write' });
  for (const permissions of [
    {},
    { issues: 'read' },
    { contents: 'write' },
    { issues: 'none' },
  ] as Permissions[]) {
    await expect(comment(permissions)).rejects.toMatchObject({
      status: 403,
      message: expect.stringContaining('Resource not accessible by integration'),
      response: { headers: { 'x-accepted-github-permissions': 'issues=write; pull_requests=write' } },
    });
  }
  expect(github.repository('octo/ml').comments).toHaveLength(2);
  github.expectNoViolations();
});

test('a read of a private repository needs its permission too, of a public one nothing', async () => {
  const path = '/repos/octo/ml/issues/1';
  const authorization = `Bearer ${github.token({ contents: 'read' })}`;
  expect((await get(path, { authorization })).status).toBe(403);
  expect((await get(path)).status).toBe(404);
  github.repository('octo/ml').private = false;
  expect((await get(path, { authorization })).status).toBe(200);
  expect((await get(path)).status).toBe(200);
});

test('a token for other repositories does not see a private one, and cannot write to a public one', async () => {
  await expect(comment({ issues: 'write' }, ['octo/other'])).rejects.toMatchObject({ status: 404 });
  github.repository('octo/ml').private = false;
  await expect(comment({ issues: 'write' }, ['octo/other'])).rejects.toMatchObject({ status: 403 });
});

test('a token that was not issued, and a write without one', async () => {
  const wrong = await get('/repos/octo/ml', { authorization: 'Bearer ghs_invented' });
  expect([wrong.status, await wrong.json()]).toMatchObject([401, { message: 'Bad credentials' }]);
  github.repository('octo/ml').private = false;
  const anonymous = await fetch(`${github.url}/repos/octo/ml/issues/1/comments`, {
    method: 'POST',
    body: '{"body":"x"}',
  });
  expect([anonymous.status, await anonymous.json()]).toMatchObject([
    401,
    { message: 'Requires authentication' },
  ]);
});

test('both ways of sending a token, and both forms of the address', async () => {
  const token = github.token({ issues: 'read' });
  for (const authorization of [`Bearer ${token}`, `token ${token}`]) {
    for (const prefix of ['', '/api/v3']) {
      expect((await get(`${prefix}/repos/OCTO/ml/issues/1`, { authorization })).status).toBe(200);
    }
  }
  expect(github.requests.map(({ path }) => path)).toEqual(Array(4).fill('/repos/OCTO/ml/issues/1'));
  github.expectNoViolations();
});

test('a client that does not name itself is refused', async () => {
  const nameless = await new Promise<IncomingMessage>((resolve, reject) => {
    httpGet(`${github.url}/repos/octo/ml`, resolve).on('error', reject);
  });
  expect(nameless.resume().statusCode).toBe(403);
});
