import { createOnce, type GitHubApi, gitHubApi, isDenied, reasonOf } from '@mlops/core/github-api';
import { type GitHubApi as FakeApi, startGitHubApi } from '@mlops/testkit/github-api';
import { afterEach, beforeEach, expect, test } from 'vitest';

let fake: FakeApi;
let api: GitHubApi;
const place = { owner: 'acme', repo: 'model', issue_number: 1 };

beforeEach(async () => {
  fake = await startGitHubApi();
  fake.repository('acme/model').addIssue();
  api = await gitHubApi({ apiUrl: fake.url }, fake.token({ issues: 'write' }));
});
afterEach(async () => {
  await fake.close();
});

const post = () => api.rest.issues.createComment({ ...place, body: 'once' });
const comments = () => fake.repository('acme/model').comments.map(({ body }) => body);

test('asks again after a server error or a broken connection, where that does no harm', async () => {
  fake.inject({ kind: 'server-error', status: 502 }, { operation: 'issues/get' });
  fake.inject({ kind: 'disconnect' }, { operation: 'issues/get' });
  const { data } = await api.rest.issues.get(place);
  expect(data.number).toBe(1);
  expect(fake.requests.map(({ status }) => status)).toEqual([502, undefined, 200]);
  fake.expectNoViolations();
});

test('does not repeat what creates something when nobody knows whether it was done', async () => {
  fake.inject({ kind: 'lost-answer' }, { operation: 'issues/create-comment' });
  await expect(post()).rejects.toMatchObject({ status: 500 });
  expect(comments()).toEqual(['once']);
});

test('creates exactly once: looks first for what a lost answer may have made', async () => {
  const find = async () =>
    (await api.paginate(api.rest.issues.listComments, place)).find(({ body }) => body === 'once');
  const create = async () => (await post()).data;
  fake.inject({ kind: 'lost-answer' }, { operation: 'issues/create-comment' });
  const made = await createOnce('the comment', create, find);
  fake.inject({ kind: 'disconnect' }, { operation: 'issues/create-comment' });
  expect((await createOnce('the comment', create, async () => undefined)).id).not.toBe(made.id);
  expect(comments()).toEqual(['once', 'once']);
  fake.expectNoViolations();
});

test.each([403, 429] as const)(
  'waits as long as a secondary rate limit asks (%i), also before creating something',
  async (status) => {
    fake.inject(
      { kind: 'secondary-rate-limit', status, retryAfter: 1 },
      { operation: 'issues/create-comment' },
    );
    const started = performance.now();
    await post();
    expect(performance.now() - started).toBeGreaterThanOrEqual(1000);
    expect(comments()).toEqual(['once']);
  },
);

test('gives up at once where the hour’s quota is used up for longer than a job should wait', async () => {
  fake.inject({ kind: 'rate-limit', resetIn: 3000 });
  const error = await api.rest.issues.get(place).catch((thrown: unknown) => thrown);
  expect(isDenied(error)).toBe(false);
  expect(reasonOf(error)).toBe('API rate limit exceeded for installation. (403)');
  expect(fake.requests).toHaveLength(1);
});

test('tells a missing permission from other refusals, in REST and GraphQL, and asks only once', async () => {
  const reader = await gitHubApi({ apiUrl: fake.url }, fake.token({ issues: 'read' }));
  const refused = await reader.rest.issues.createComment({ ...place, body: 'x' }).catch((e: unknown) => e);
  expect(isDenied(refused)).toBe(true);
  const minimise =
    'mutation { minimizeComment(input: {subjectId: "IC_x", classifier: OUTDATED}) { clientMutationId } }';
  const unknown = await reader.graphql(minimise).catch((e: unknown) => e);
  expect(isDenied(unknown)).toBe(false);
  await post();
  const [comment] = (await api.rest.issues.listComments(place)).data;
  const hidden = await reader
    .graphql(minimise.replace('IC_x', comment?.node_id ?? ''))
    .catch((e: unknown) => e);
  expect(isDenied(hidden)).toBe(true);
  expect(fake.requests.filter(({ status }) => status === 403)).toHaveLength(1);
  fake.expectNoViolations();
});

test('finds the API of GitHub Enterprise Server, and its GraphQL beside it', async () => {
  const enterprise = await gitHubApi({ apiUrl: fake.enterpriseUrl }, fake.token({ issues: 'write' }));
  await enterprise.rest.issues.get(place);
  expect(await enterprise.graphql('{ viewer { login } }')).toEqual({
    viewer: { login: 'github-actions[bot]' },
  });
  fake.expectNoViolations();
});

test('ends a request that is never answered when the run is cancelled', async () => {
  const cancellation = new AbortController();
  const patient = await gitHubApi({ apiUrl: fake.url }, fake.token({ issues: 'read' }), cancellation.signal);
  fake.inject({ kind: 'hang' });
  const asked = patient.rest.issues.get(place);
  cancellation.abort(new Error('cancelled by SIGINT'));
  await expect(asked).rejects.toThrow('cancelled by SIGINT');
});
