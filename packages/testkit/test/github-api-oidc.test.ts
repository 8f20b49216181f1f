import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { getIDToken } from '@actions/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type OidcIssuer, startOidcIssuer } from '../src/github-api/index.ts';

let issuer: OidcIssuer;
beforeEach(async () => {
  issuer = await startOidcIssuer({ repository: 'octo/ml', environment: 'production', sha: 'a'.repeat(40) });
  for (const [name, value] of Object.entries(issuer.environment)) vi.stubEnv(name, value);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await issuer.close();
});

function decode(part = ''): Record<string, unknown> {
  return JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
}

async function fetchJson<Body>(url: string): Promise<Body> {
  return (await (await fetch(url)).json()) as Body;
}

test("the runner's own client gets a token that the published key verifies", async () => {
  const token = await getIDToken('sts.example.com');
  const [header, payload, signature] = token.split('.');
  const { jwks_uri } = await fetchJson<{ jwks_uri: string }>(
    `${issuer.issuer}/.well-known/openid-configuration`,
  );
  const { keys } = await fetchJson<{ keys: (JsonWebKey & { kid: string })[] }>(jwks_uri);
  const key = keys.find(({ kid }) => kid === decode(header).kid);
  if (!key) throw new Error('the key of the token is not published');
  const publicKey = createPublicKey({ key, format: 'jwk' });
  const signed = (text: string) =>
    verify('RSA-SHA256', Buffer.from(text), publicKey, Buffer.from(signature ?? '', 'base64url'));
  expect(signed(`${header}.${payload}`)).toBe(true);
  expect(signed(`${header}.${payload}x`)).toBe(false);
  expect(decode(payload)).toMatchObject({
    iss: issuer.issuer,
    aud: 'sts.example.com',
    sub: 'repo:octo/ml:environment:production',
    repository: 'octo/ml',
    repository_owner: 'octo',
    environment: 'production',
    sha: 'a'.repeat(40),
  });
  expect(issuer.audiences).toEqual(['sts.example.com']);
});

test('without an audience the token is for the owner', async () => {
  const token = await getIDToken();
  expect(decode(token.split('.')[1])).toMatchObject({ aud: 'https://github.com/octo' });
});

test('a wrong request token gets nothing', async () => {
  const { ACTIONS_ID_TOKEN_REQUEST_URL } = issuer.environment;
  const response = await fetch(ACTIONS_ID_TOKEN_REQUEST_URL, { headers: { authorization: 'Bearer guess' } });
  expect(response.status).toBe(401);
  expect(issuer.audiences).toEqual([]);
});

test.each([
  [{}, 'repo:octo/ml:ref:refs/heads/main'],
  [{ ref: 'refs/tags/v1' }, 'repo:octo/ml:ref:refs/tags/v1'],
  [{ event_name: 'pull_request', ref: 'refs/pull/1/merge' }, 'repo:octo/ml:pull_request'],
])('the subject of a job with %o', async (claims, sub) => {
  await using other = await startOidcIssuer({ repository: 'octo/ml', ...claims });
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = other.environment;
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  const { value } = (await response.json()) as { value: string };
  expect(decode(value.split('.')[1])).toMatchObject({ sub });
});
