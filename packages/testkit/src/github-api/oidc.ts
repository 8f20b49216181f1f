import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Claims of GitHub's token that a test sets; the others follow from them. */
export interface OidcClaims {
  /** `owner/name`. */
  repository: string;
  ref?: string;
  sha?: string;
  environment?: string;
  workflow?: string;
  event_name?: string;
  run_id?: string;
  run_attempt?: string;
  actor?: string;
  /** Path of the reusable workflow that the job is defined in. */
  job_workflow_ref?: string;
}

export interface OidcIssuer {
  /** The `iss` claim; configuration and keys lie below it at the well-known places. */
  readonly issuer: string;
  /** ACTIONS_ID_TOKEN_REQUEST_URL and ACTIONS_ID_TOKEN_REQUEST_TOKEN, as a job with `id-token: write` has them. */
  readonly environment: { ACTIONS_ID_TOKEN_REQUEST_URL: string; ACTIONS_ID_TOKEN_REQUEST_TOKEN: string };
  /** The audience of each token that was issued, oldest first. */
  readonly audiences: string[];
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** As long as GitHub's own tokens are valid. */
const LIFETIME_SECONDS = 300;

/**
 * Starts the token service of a job on a free port of 127.0.0.1. Its tokens carry GitHub's claims and are signed
 * with a key made for this issuer, whose public half it serves as GitHub does.
 */
export async function startOidcIssuer(claims: OidcClaims): Promise<OidcIssuer> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const kid = randomUUID();
  const requestToken = randomUUID();
  const audiences: string[] = [];

  const server = createServer((request, response) => {
    const { status, body } = route(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  function route(request: IncomingMessage): { status: number; body: unknown } {
    const url = new URL(request.url ?? '/', issuer);
    switch (url.pathname) {
      case '/.well-known/openid-configuration':
        return { status: 200, body: configuration(issuer) };
      case '/.well-known/jwks':
        return {
          status: 200,
          body: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' }] },
        };
      case '/token': {
        if (request.headers.authorization !== `Bearer ${requestToken}`) {
          return { status: 401, body: { message: 'The request token is missing or wrong' } };
        }
        const owner = claims.repository.split('/')[0];
        const audience = url.searchParams.get('audience') ?? `https://github.com/${owner}`;
        audiences.push(audience);
        const payload = {
          ...tokenClaims(claims),
          iss: issuer,
          aud: audience,
          jti: randomUUID(),
          ...validity(),
        };
        const value = jwt({ alg: 'RS256', typ: 'JWT', kid }, payload, privateKey);
        return { status: 200, body: { count: value.length, value } };
      }
      default:
        return { status: 404, body: { message: `The issuer has no ${url.pathname}` } };
    }
  }

  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    issuer,
    // With a query already, as GitHub's has: clients append `&audience=`.
    environment: {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${issuer}/token?api-version=2.0`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: requestToken,
    },
    audiences,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function configuration(issuer: string): object {
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public', 'pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid'],
  };
}

/** The claims and the form of `sub` are those of GitHub's "OpenID Connect reference". */
function tokenClaims(claims: OidcClaims): Record<string, string> {
  const { repository, environment } = claims;
  const ref = claims.ref ?? 'refs/heads/main';
  const event = claims.event_name ?? 'push';
  const workflowRef = `${repository}/.github/workflows/ci.yml@${ref}`;
  const context = environment
    ? `environment:${environment}`
    : event === 'pull_request'
      ? 'pull_request'
      : `ref:${ref}`;
  return {
    sub: `repo:${repository}:${context}`,
    repository,
    repository_owner: repository.split('/')[0] ?? '',
    repository_visibility: 'private',
    ref,
    ref_type: ref.startsWith('refs/tags/') ? 'tag' : 'branch',
    sha: claims.sha ?? '0'.repeat(40),
    event_name: event,
    workflow: claims.workflow ?? 'ci',
    workflow_ref: workflowRef,
    job_workflow_ref: claims.job_workflow_ref ?? workflowRef,
    run_id: claims.run_id ?? '1',
    run_number: '1',
    run_attempt: claims.run_attempt ?? '1',
    actor: claims.actor ?? 'octocat',
    runner_environment: 'github-hosted',
    ...(environment && { environment }),
  };
}

function validity(): { iat: number; nbf: number; exp: number } {
  const now = Math.floor(Date.now() / 1000);
  return { iat: now, nbf: now - LIFETIME_SECONDS, exp: now + LIFETIME_SECONDS };
}

function jwt(header: object, payload: object, key: KeyObject): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const content = `${encode(header)}.${encode(payload)}`;
  const signature = sign('RSA-SHA256', Buffer.from(content), key);
  return `${content}.${signature.toString('base64url')}`;
}
