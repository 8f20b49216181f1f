import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type GitHubApi, startGitHubApi } from '../src/github-api/index.ts';

let api: GitHubApi;
beforeAll(async () => {
  api = await startGitHubApi();
});
afterAll(() => api.close());
beforeEach(() => {
  api.violations.length = 0;
});

async function ask(query: string, variables: object = {}, token = api.token({ 'pull-requests': 'write' })) {
  const response = await fetch(`${api.url}/graphql`, {
    method: 'POST',
    headers: { authorization: `bearer ${token}`, 'user-agent': 'test' },
    body: JSON.stringify({ query, variables }),
  });
  return { ...((await response.json()) as { data?: unknown; errors?: unknown[] }), status: response.status };
}

const comments = `query ($number: Int!, $first: Int, $after: String, $last: Int, $before: String) {
  repository(owner: "acme", name: "model") { pullRequest(number: $number) {
    comments(first: $first, after: $after, last: $last, before: $before) {
      nodes { body viewerDidAuthor isMinimized author { login } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    } } } }`;

test('pages through comments from both ends, and tells whose they are', async () => {
  const repository = api.repository('acme/model');
  const { number } = repository.addPullRequest();
  const user = { login: 'eve', id: 7, type: 'User' as const };
  const now = new Date().toISOString();
  for (const id of [1, 2, 3])
    repository.comments.push({
      ...{ id, issue_number: number, body: String(id), user, created_at: now, updated_at: now },
    });
  const pages = async (page: object) => {
    const { data } = await ask(comments, { number, ...page });
    return (data as { repository: { pullRequest: { comments: Connection } } }).repository.pullRequest
      .comments;
  };
  const first = await pages({ first: 2 });
  expect(first.nodes[0]).toEqual({
    ...{ body: '1', viewerDidAuthor: false, isMinimized: false, author: { login: 'eve' } },
  });
  const bodies = async (page: object) => (await pages(page)).nodes.map(({ body }) => body).join();
  expect(await bodies({ first: 2, after: first.pageInfo.endCursor })).toBe('3');
  expect(await bodies({ last: 2 })).toBe('2,3');
  expect(await bodies({ last: 2, before: (await pages({ last: 2 })).pageInfo.startCursor })).toBe('1');
  expect(api.violations).toEqual([]);
});

interface Connection {
  nodes: { body: string }[];
  pageInfo: { startCursor: string; endCursor: string };
}

test('refuses as GitHub does, by the type of the error', async () => {
  const { number } = api.repository('acme/model').addPullRequest({ head: 'other' });
  const typeOf = async (query: string, variables?: object, token?: string) =>
    ((await ask(query, variables, token)).errors?.[0] as { type?: string } | undefined)?.type;
  expect(await typeOf(comments, { number: 99, first: 1 })).toBe('NOT_FOUND');
  expect(await typeOf(comments, { number, first: 1 }, api.token({}))).toBe('FORBIDDEN');
  expect(await typeOf(comments, { number, first: 101 })).toBe('EXCESSIVE_PAGINATION');
  expect((await ask('{ viewer { login } }', {}, 'unknown')).status).toBe(401);
  expect(api.violations).toEqual([]);
});

test("reports queries that GitHub's schema does not allow", async () => {
  const { errors } = await ask('{ viewer { shoeSize } }');
  expect(errors).toHaveLength(1);
  await ask('{ viewer {');
  expect(api.violations.map(({ message }) => message)).toEqual([
    'Cannot query field "shoeSize" on type "User".',
    'Syntax Error: Expected Name, found <EOF>.',
  ]);
});
