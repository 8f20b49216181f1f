import { getOctokit } from '@actions/github';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  DOWNLOAD_TIMEOUT_MS,
  type GitHubApi,
  loadDescription,
  ok,
  operation,
  type Repository,
  startGitHubApi,
} from '../src/github-api/index.ts';

const REPOSITORY = { owner: 'octo', repo: 'ml' };
let github: GitHubApi;
let repository: Repository;
let octokit: ReturnType<typeof getOctokit>;

beforeAll(() => loadDescription(), DOWNLOAD_TIMEOUT_MS);
beforeEach(async () => {
  github = await startGitHubApi();
  repository = github.repository('octo/ml');
  const token = github.token({ actions: 'write', contents: 'write', 'pull-requests': 'write' });
  octokit = getOctokit(token, { baseUrl: github.url });
});
afterEach(() => github.close());

describe('pull requests', () => {
  test('are found by branch, commit and state', async () => {
    const pull = repository.addPullRequest({ head: 'feature/a' });
    repository.addPullRequest({ head: 'feature/b' }).state = 'closed';
    repository.addPullRequest({ head: 'feature/a', fork: 'someone/ml', base: 'release' });
    const numbers = async (filter: object) =>
      (await octokit.rest.pulls.list({ ...REPOSITORY, ...filter })).data.map(({ number }) => number);
    expect(await numbers({})).toEqual([3, 1]);
    expect(await numbers({ state: 'all', direction: 'asc' })).toEqual([1, 2, 3]);
    expect(await numbers({ head: 'octo:feature/a' })).toEqual([1]);
    expect(await numbers({ head: 'someone:feature/a' })).toEqual([3]);
    expect(await numbers({ base: 'release' })).toEqual([3]);
    const { data } = await octokit.rest.repos.listPullRequestsAssociatedWithCommit({
      ...REPOSITORY,
      commit_sha: pull.pull_request.head.sha,
    });
    expect(data.map(({ number }) => number)).toEqual([1, 3]);
    github.expectNoViolations();
  });

  test('are opened once, between branches that exist', async () => {
    repository.addCommit();
    repository.addCommit({ branch: 'promote' });
    const open = (head: string) =>
      octokit.rest.pulls.create({ ...REPOSITORY, title: 'Promote', head, base: 'main' });
    await expect(open('missing')).rejects.toThrow('Validation Failed');
    await open('promote');
    await expect(open('promote')).rejects.toThrow('A pull request already exists for octo:promote.');
    expect(repository.issues).toMatchObject([
      { title: 'Promote', pull_request: { head: { ref: 'promote' } } },
    ]);
  });
});

describe('contents', () => {
  const content = (text: string) => Buffer.from(text).toString('base64');
  const write = (text: string, sha?: string) =>
    octokit.rest.repos.createOrUpdateFileContents({
      ...REPOSITORY,
      path: 'records/1.json',
      message: 'Record',
      content: content(text),
      ...(sha && { sha }),
    });

  test('a file is replaced only by a writer that saw its last content', async () => {
    const start = repository.addCommit({ files: { 'train.py': 'pass' } });
    const { data: first } = await write('one');
    await expect(write('two')).rejects.toThrow('"sha" wasn\'t supplied');
    await write('two', first.content?.sha);
    await expect(write('three', first.content?.sha)).rejects.toMatchObject({ status: 409 });
    const head = repository.resolve('main');
    expect(head?.files.get('records/1.json')?.toString()).toBe('two');
    expect(head?.files.get('train.py')?.toString()).toBe('pass');
    expect(repository.resolve(head?.parents[0] ?? '')?.parents).toEqual([start.sha]);
    github.expectNoViolations();
  });

  test('a ref moves forward, and elsewhere only by force', async () => {
    const [first, second] = [repository.addCommit(), repository.addCommit()];
    const ref = 'tags/production';
    const update = (sha: string, force = false) =>
      octokit.rest.git.updateRef({ ...REPOSITORY, ref, sha, force });
    await octokit.rest.git.createRef({ ...REPOSITORY, ref: `refs/${ref}`, sha: first.sha });
    const again = octokit.rest.git.createRef({ ...REPOSITORY, ref: `refs/${ref}`, sha: first.sha });
    await expect(again).rejects.toThrow('Reference already exists');
    await update(second.sha);
    await expect(update(first.sha)).rejects.toThrow('Update is not a fast forward');
    await update(first.sha, true);
    expect(repository.resolve('production')).toBe(first);
    github.expectNoViolations();
  });
});

describe('actions', () => {
  test('dispatches are kept, and refused for an unknown workflow, ref or input', async () => {
    repository.addCommit();
    repository.addWorkflow('.github/workflows/train.yml', { inputs: ['epochs'] });
    const dispatch = (workflow_id: string, ref: string, inputs: Record<string, string>) =>
      octokit.rest.actions.createWorkflowDispatch({ ...REPOSITORY, workflow_id, ref, inputs });
    await dispatch('train.yml', 'main', { epochs: '3' });
    await octokit.rest.repos.createDispatchEvent({ ...REPOSITORY, event_type: 'retrain' });
    expect(repository.dispatches).toEqual([
      { kind: 'workflow', workflow: '.github/workflows/train.yml', ref: 'main', inputs: { epochs: '3' } },
      { kind: 'repository', event_type: 'retrain', client_payload: {} },
    ]);
    await expect(dispatch('other.yml', 'main', {})).rejects.toMatchObject({ status: 404 });
    await expect(dispatch('train.yml', 'gone', {})).rejects.toThrow('No ref found for: gone');
    await expect(dispatch('train.yml', 'main', { epoch: '3' })).rejects.toThrow(
      'Unexpected inputs provided: ["epoch"]',
    );
    github.expectNoViolations();
    const client_payload = Object.fromEntries(Array.from({ length: 11 }, (_, i) => [`key${i}`, i]));
    const tooMany = octokit.rest.repos.createDispatchEvent({
      ...REPOSITORY,
      event_type: 'x',
      client_payload,
    });
    await expect(tooMany).rejects.toMatchObject({ status: 422 });
    expect(repository.dispatches).toHaveLength(2);
  });

  test('runs and artifacts are filtered, and an expired artifact is gone', async () => {
    const workflow = repository.addWorkflow('.github/workflows/train.yml');
    const [main, feature] = [
      repository.addWorkflowRun(workflow),
      repository.addWorkflowRun(workflow, { head_branch: 'feature', conclusion: 'failure' }),
    ];
    const old = repository.addArtifact(main, 'record', Buffer.from('old'));
    repository.addArtifact(feature, 'record', Buffer.from('new'));
    repository.addArtifact(feature, 'other', Buffer.from('other'));
    const runs = async (filter: object) =>
      (await octokit.rest.actions.listWorkflowRunsForRepo({ ...REPOSITORY, ...filter })).data;
    expect((await runs({})).total_count).toBe(2);
    expect((await runs({ branch: 'feature', status: 'failure' })).workflow_runs).toMatchObject([
      { id: feature.id },
    ]);
    const artifacts = await octokit.paginate(octokit.rest.actions.listArtifactsForRepo, {
      ...REPOSITORY,
      name: 'record',
      per_page: 1,
    });
    expect(artifacts.map(({ size_in_bytes }) => size_in_bytes)).toEqual([3, 3]);
    old.expired = true;
    await expect(
      octokit.rest.actions.downloadArtifact({ ...REPOSITORY, artifact_id: old.id, archive_format: 'zip' }),
    ).rejects.toMatchObject({ status: 410 });
    github.expectNoViolations();
  });
});

describe('operations of a test', () => {
  test('take part in everything, with answers completed from their schema', async () => {
    await using other = await startGitHubApi({
      operations: {
        'repos/list-contributors': operation([], () =>
          ok([{ type: 'User', contributions: 3, login: 'octocat' }]),
        ),
      },
    });
    other.repository('octo/ml');
    const client = getOctokit(other.token({}), { baseUrl: other.url });
    const { data } = await client.rest.repos.listContributors(REPOSITORY);
    expect(data).toEqual([{ type: 'User', contributions: 3, login: 'octocat' }]);
    other.expectNoViolations();
  });

  test('whose answer GitHub would not give are violations', async () => {
    await using other = await startGitHubApi({
      operations: {
        'repos/list-contributors': operation([], () => ok([{ type: 'User', contributions: 'three' }])),
      },
    });
    other.repository('octo/ml');
    await getOctokit(other.token({}), { baseUrl: other.url }).rest.repos.listContributors(REPOSITORY);
    expect(() => other.expectNoViolations()).toThrow("contributions', the value is not an integer");
  });

  test('must be operations on a repository that GitHub has', async () => {
    const handler = operation([], () => ok({}));
    await expect(startGitHubApi({ operations: { 'repos/invented': handler } })).rejects.toThrow(
      'GitHub has no repository operation repos/invented',
    );
  });
});
