import { getOctokit } from '@actions/github';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  DOWNLOAD_TIMEOUT_MS,
  type GitHubApi,
  loadDescription,
  type Repository,
  startGitHubApi,
} from '../src/github-api/index.ts';

const REPOSITORY = { owner: 'octo', repo: 'ml' };
let github: GitHubApi;
let repository: Repository;
let token: string;
let octokit: ReturnType<typeof getOctokit>;

beforeAll(() => loadDescription(), DOWNLOAD_TIMEOUT_MS);
beforeEach(async () => {
  github = await startGitHubApi();
  repository = github.repository('octo/ml');
  token = github.token({
    issues: 'write',
    checks: 'write',
    contents: 'read',
    statuses: 'write',
    deployments: 'write',
  });
  octokit = getOctokit(token, { baseUrl: github.url });
});
afterEach(() => github.close());

/** A request without a client in between. */
function send(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(github.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...headers },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
}

describe('comments', () => {
  test('are created, changed, listed and deleted', async () => {
    const { number: issue_number } = repository.addPullRequest();
    const { data } = await octokit.rest.issues.createComment({ ...REPOSITORY, issue_number, body: 'first' });
    expect(data.user?.login).toBe('github-actions[bot]');
    await octokit.rest.issues.updateComment({ ...REPOSITORY, comment_id: data.id, body: 'second' });
    expect(repository.comments).toMatchObject([{ id: data.id, issue_number, body: 'second' }]);
    await octokit.rest.issues.deleteComment({ ...REPOSITORY, comment_id: data.id });
    const after = await octokit.rest.issues.listComments({ ...REPOSITORY, issue_number });
    expect(after.data).toEqual([]);
    github.expectNoViolations();
  });

  test('are refused when they are blank, too long, or on no issue', async () => {
    repository.addIssue();
    const create = (issue_number: number, body: string) =>
      octokit.rest.issues.createComment({ ...REPOSITORY, issue_number, body });
    await expect(create(1, 'x'.repeat(65_537))).rejects.toThrow(
      'Body is too long (maximum is 65536 characters)',
    );
    await expect(create(1, ' ')).rejects.toThrow('Body cannot be blank');
    await expect(create(2, 'hello')).rejects.toMatchObject({ status: 404 });
    await create(1, 'x'.repeat(65_536));
    expect(repository.comments).toHaveLength(1);
    github.expectNoViolations();
  });

  test('come in pages, whose links lead through all of them once and in order', async () => {
    const { number: issue_number } = repository.addIssue();
    for (let i = 0; i < 45; i++)
      await octokit.rest.issues.createComment({ ...REPOSITORY, issue_number, body: `${i}` });
    const first = await octokit.rest.issues.listComments({ ...REPOSITORY, issue_number });
    expect(first.data).toHaveLength(30);
    expect(first.headers.link).toMatch(/page=2>; rel="next", .*page=2>; rel="last"$/);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 100 }), async (per_page) => {
        const all = await octokit.paginate(octokit.rest.issues.listComments, {
          ...REPOSITORY,
          issue_number,
          per_page,
        });
        expect(all.map(({ body }) => body)).toEqual(Array.from({ length: 45 }, (_, i) => `${i}`));
      }),
      { numRuns: 8 },
    );
    github.expectNoViolations();
  });
});

describe('requests that GitHub would not take', () => {
  test('an address that does not exist', async () => {
    expect((await send('GET', '/repos/octo/ml/comments-of-everything')).status).toBe(404);
    expect(github.violations).toMatchObject([{ kind: 'route', message: 'GitHub has no such address' }]);
    expect(() => github.expectNoViolations()).toThrow('GET /repos/octo/ml/comments-of-everything');
  });

  test('a method that the address does not have', async () => {
    expect((await send('PUT', '/repos/octo/ml/issues/1/comments', {})).status).toBe(404);
    expect(github.violations).toMatchObject([{ kind: 'route', message: 'this address has only GET, POST' }]);
  });

  test('a body that does not fit, in the words of GitHub', async () => {
    repository.addIssue();
    const missing = await send('POST', '/repos/octo/ml/issues/1/comments', {});
    expect(missing.status).toBe(422);
    expect(await missing.json()).toMatchObject({
      message: 'Invalid request.\n\n"body" wasn\'t supplied.',
      documentation_url: expect.stringContaining('create-an-issue-comment'),
      status: '422',
    });
    const typed = await send('POST', '/repos/octo/ml/issues/1/comments', { body: 5 });
    expect(await typed.json()).toMatchObject({ message: expect.stringContaining('is not a string') });
    expect((await send('POST', '/repos/octo/ml/issues/1/comments', '{')).status).toBe(400);
    expect(github.violations.map(({ kind }) => kind)).toEqual(['body', 'body', 'body']);
    expect(repository.comments).toEqual([]);
  });

  test('a misspelt property, which GitHub would ignore', async () => {
    const { sha } = repository.addCommit();
    const output = { title: 't', summary: 's', anotations: [] };
    const response = await send('POST', '/repos/octo/ml/check-runs', { name: 'gate', head_sha: sha, output });
    expect(response.status).toBe(201);
    expect(github.violations).toMatchObject([
      { kind: 'body', message: expect.stringContaining('output.anotations') },
    ]);
  });

  test('a query parameter of a wrong name, type or size', async () => {
    repository.addIssue();
    const path = '/repos/octo/ml/issues/1/comments';
    expect((await send('GET', `${path}?page=two`)).status).toBe(422);
    expect((await send('GET', `${path}?perPage=3`)).status).toBe(200);
    expect((await send('GET', `${path}?per_page=101`)).status).toBe(200);
    expect(github.violations.map(({ kind }) => kind)).toEqual(['parameter', 'parameter', 'parameter']);
  });

  test('an operation that the fake does not model', async () => {
    expect((await send('GET', '/repos/octo/ml/contributors')).status).toBe(501);
    expect(github.violations).toMatchObject([{ kind: 'not-modelled', operation: 'repos/list-contributors' }]);
  });
});

describe('limits of checks and statuses', () => {
  test('50 annotations a request, which add up over requests', async () => {
    const { sha: head_sha } = repository.addCommit();
    const annotations = Array.from({ length: 51 }, (_, i) => ({
      path: 'train.py',
      start_line: i + 1,
      end_line: i + 1,
      annotation_level: 'warning' as const,
      message: `line ${i + 1}`,
    }));
    const output = (from: number, to: number) => ({
      title: 't',
      summary: 's',
      annotations: annotations.slice(from, to),
    });
    const { data } = await octokit.rest.checks.create({
      ...REPOSITORY,
      name: 'gate',
      head_sha,
      output: output(0, 50),
    });
    await octokit.rest.checks.update({ ...REPOSITORY, check_run_id: data.id, output: output(50, 51) });
    expect(repository.checkRuns[0]?.annotations).toEqual(annotations);
    github.expectNoViolations();
    const tooMany = octokit.rest.checks.update({
      ...REPOSITORY,
      check_run_id: data.id,
      output: output(0, 51),
    });
    await expect(tooMany).rejects.toThrow('no more than 50 items are allowed');
    expect(repository.checkRuns[0]?.annotations).toHaveLength(51);
  });

  test('65535 characters of a summary, and a commit that exists', async () => {
    const { sha: head_sha } = repository.addCommit();
    const create = (sha: string, length: number) =>
      octokit.rest.checks.create({
        ...REPOSITORY,
        name: 'gate',
        head_sha: sha,
        output: { title: 't', summary: 'x'.repeat(length) },
      });
    await create(head_sha, 65_535);
    await expect(create(head_sha, 65_536)).rejects.toThrow('only 65535 characters are allowed');
    await expect(create('f'.repeat(40), 1)).rejects.toThrow(`No commit found for SHA: ${'f'.repeat(40)}`);
  });

  test('the combined status is the worst of the latest of each context', async () => {
    const { sha } = repository.addCommit();
    const set = (context: string, state: 'success' | 'failure' | 'pending') =>
      octokit.rest.repos.createCommitStatus({ ...REPOSITORY, sha, context, state });
    const combined = async () =>
      (await octokit.rest.repos.getCombinedStatusForRef({ ...REPOSITORY, ref: 'main' })).data.state;
    expect(await combined()).toBe('pending');
    await set('gate', 'failure');
    await set('train', 'success');
    expect(await combined()).toBe('failure');
    await set('gate', 'success');
    expect(await combined()).toBe('success');
    github.expectNoViolations();
  });
});

describe('deployments', () => {
  const deploy = (environment: string) =>
    octokit.rest.repos.createDeployment({ ...REPOSITORY, ref: 'main', environment });
  const succeed = (deployment_id: number) =>
    octokit.rest.repos.createDeploymentStatus({ ...REPOSITORY, deployment_id, state: 'success' });

  test('a success ends the earlier deployments to the same environment, but not in production', async () => {
    repository.addCommit();
    for (const environment of ['staging', 'production', 'staging', 'production']) {
      const { data } = await deploy(environment);
      if (!('id' in data)) throw new Error(`no deployment: ${data.message}`);
      await succeed(data.id);
    }
    const states = repository.deployments.map(({ environment, statuses }) => [
      environment,
      statuses.at(-1)?.state,
    ]);
    expect(states).toEqual([
      ['staging', 'inactive'],
      ['production', 'success'],
      ['staging', 'success'],
      ['production', 'success'],
    ]);
    expect(repository.environments.map(({ name }) => name)).toEqual(['staging', 'production']);
    github.expectNoViolations();
  });

  test('wait for the statuses of their commit', async () => {
    const { sha } = repository.addCommit();
    await octokit.rest.repos.createCommitStatus({ ...REPOSITORY, sha, context: 'gate', state: 'failure' });
    await expect(deploy('staging')).rejects.toMatchObject({ status: 409 });
    await expect(
      octokit.rest.repos.createDeployment({ ...REPOSITORY, ref: 'nowhere', required_contexts: [] }),
    ).rejects.toThrow('No ref found for: nowhere');
    await octokit.rest.repos.createDeployment({ ...REPOSITORY, ref: 'main', required_contexts: [] });
    expect(repository.deployments).toHaveLength(1);
  });
});

describe('reading', () => {
  test('a file comes encoded, raw, and from its own download address', async () => {
    repository.addCommit({ files: { 'data/train.csv': 'a,b\n' } });
    const path = '/repos/octo/ml/contents/data/train.csv';
    const file = (await (await send('GET', path)).json()) as {
      content: string;
      sha: string;
      download_url: string;
    };
    expect(Buffer.from(file.content, 'base64').toString()).toBe('a,b\n');
    expect(file.sha).toBe('91e7b5b17dd85f6e9b9d2d85acb2982bd5f455ee');
    expect(await (await fetch(file.download_url)).text()).toBe('a,b\n');
    const raw = await send('GET', path, undefined, { accept: 'application/vnd.github.raw+json' });
    expect(await raw.text()).toBe('a,b\n');
    expect((await send('GET', '/repos/octo/ml/contents/none')).status).toBe(404);
    github.expectNoViolations();
  });

  test('an unchanged answer is not sent again', async () => {
    repository.addIssue();
    const path = '/repos/octo/ml/issues/1';
    const etag = (await send('GET', path)).headers.get('etag') ?? '';
    const again = await send('GET', path, undefined, { 'if-none-match': etag });
    expect([again.status, await again.text()]).toEqual([304, '']);
    await octokit.rest.issues.update({ ...REPOSITORY, issue_number: 1, title: 'Changed' });
    expect((await send('GET', path, undefined, { 'if-none-match': etag })).status).toBe(200);
  });
});
