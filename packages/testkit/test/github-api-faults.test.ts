import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  DOWNLOAD_TIMEOUT_MS,
  type Fault,
  type GitHubApi,
  loadDescription,
  startGitHubApi,
} from '../src/github-api/index.ts';

let github: GitHubApi;
let authorization: string;

beforeAll(() => loadDescription(), DOWNLOAD_TIMEOUT_MS);
beforeEach(async () => {
  github = await startGitHubApi();
  github.repository('octo/ml').addIssue();
  authorization = `Bearer ${github.token({ issues: 'write' })}`;
});
afterEach(() => github.close());

function comment(signal?: AbortSignal): Promise<Response> {
  return fetch(`${github.url}/repos/octo/ml/issues/1/comments`, {
    method: 'POST',
    headers: { authorization },
    body: JSON.stringify({ body: 'hello' }),
    ...(signal && { signal }),
  });
}

const comments = () => github.repository('octo/ml').comments.length;

test('rate limits and server errors, for as many requests as asked for, change nothing', async () => {
  const cases: [Fault, number, Record<string, string>][] = [
    [{ kind: 'secondary-rate-limit' }, 403, { 'retry-after': '60' }],
    [{ kind: 'secondary-rate-limit', status: 429, retryAfter: 2 }, 429, { 'retry-after': '2' }],
    [{ kind: 'rate-limit' }, 403, { 'x-ratelimit-remaining': '0' }],
    [{ kind: 'server-error' }, 500, {}],
    [{ kind: 'server-error', status: 502 }, 502, { 'content-type': 'text/html' }],
    [{ kind: 'server-error', status: 503 }, 503, {}],
  ];
  for (const [fault, status, headers] of cases) {
    github.inject(fault, { times: 2 });
    for (let i = 0; i < 2; i++) {
      const response = await comment();
      expect(response.status).toBe(status);
      expect(Object.fromEntries(response.headers)).toMatchObject(headers);
    }
  }
  expect(comments()).toBe(0);
  expect((await comment()).status).toBe(201);
  github.expectNoViolations();
});

test('a connection breaks before the request is carried out, or after', async () => {
  github.inject({ kind: 'disconnect' });
  await expect(comment()).rejects.toThrow('fetch failed');
  expect(comments()).toBe(0);
  github.inject({ kind: 'lost-answer' });
  await expect(comment()).rejects.toThrow('fetch failed');
  expect(comments()).toBe(1);
  expect(github.requests.map(({ status }) => status)).toEqual([undefined, undefined]);
});

test('no answer until the client gives up, and a slow one', async () => {
  github.inject({ kind: 'hang' });
  await expect(comment(AbortSignal.timeout(50))).rejects.toThrow('aborted due to timeout');
  github.inject({ kind: 'slow', ms: 20 });
  expect((await comment()).status).toBe(201);
  expect(comments()).toBe(1);
});

test('only the requests that are meant are affected, and a fault that none met is reported', async () => {
  github.inject({ kind: 'server-error' }, { operation: 'checks/create' });
  github.inject({ kind: 'server-error' }, { method: 'DELETE' });
  expect((await comment()).status).toBe(201);
  expect(() => github.expectNoViolations()).toThrow('no request met the injected fault: server-error');
});

test('the server closes while a request hangs', async () => {
  github.inject({ kind: 'hang' });
  const hanging = expect(comment()).rejects.toThrow('fetch failed');
  await expect.poll(() => github.requests.length).toBe(1);
  await github.close();
  await hanging;
});
