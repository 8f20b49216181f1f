import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Description } from './compact.ts';
import { loadDescription } from './description.ts';
import { faultAnswer } from './fault-answers.ts';
import { type Fault, type FaultFilter, FaultQueue } from './faults.ts';
import { answerGraphql } from './graphql.ts';
import type { Links, Operations } from './operation.ts';
import { OPERATIONS } from './operations/index.ts';
import type { Permissions, Token } from './permissions.ts';
import { type Answer, answer, type Context, type Incoming, type Violation } from './pipeline.ts';
import { ACTIONS_BOT, type Clock, Repository } from './repository.ts';
import { createRouter, type Router } from './router.ts';
import { createSchemas, type Schemas } from './schemas.ts';
import type { User } from './state.ts';

/** Prefixes of the API on GitHub Enterprise Server, the last of GraphQL; without one it is as on api.github.com. */
const PREFIXES = ['/api/v3', '/api/uploads', '/api'];
/** Requests an hour and repository that a workflow's GITHUB_TOKEN has. */
const RATE_LIMIT = 1000;

interface Model {
  description: Description;
  router: Router;
  schemas: Schemas;
}
let model: Promise<Model> | undefined;

export interface GitHubApiOptions {
  /** Handlers for further operations under /repos/{owner}/{repo}, or in place of the built-in ones. */
  operations?: Operations;
  /** Time for everything the server dates; the machine's clock unless told. */
  now?: () => Date;
}

/** A request as it arrived, and what became of it. */
export interface RequestRecord {
  method: string;
  /** Path below the API's root, without the query. */
  path: string;
  /** GitHub's id of the operation, such as `issues/create-comment`; `graphql` for a query. */
  operation?: string;
  query: Record<string, string>;
  /** Parsed where it is JSON, else text; undefined when empty. */
  body: unknown;
  headers: Record<string, string | undefined>;
  /** Undefined when the client got no answer. */
  status?: number;
}

export interface GitHubApi {
  /** For GITHUB_API_URL, as on api.github.com: `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** For GITHUB_API_URL, as on GitHub Enterprise Server: `http://127.0.0.1:<port>/api/v3`. */
  readonly enterpriseUrl: string;
  /** Every request, oldest first. */
  readonly requests: RequestRecord[];
  /** What must not have happened; see `expectNoViolations`. */
  readonly violations: Violation[];
  /** The repository of that name, made on first use (private unless told). */
  repository(fullName: string, options?: { private?: boolean; defaultBranch?: string }): Repository;
  /** Issues a token with the permissions of a workflow's `permissions:` block; a workflow's own identity unless told. */
  token(permissions: Permissions, options?: { user?: User; repositories?: string[] }): string;
  /** Lets the next matching requests go wrong. */
  inject(fault: Fault, filter?: FaultFilter): void;
  /** Throws, listing them, when there are violations, or injected faults that no request met. */
  expectNoViolations(): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a GitHub API on a free port of 127.0.0.1 that remembers what it is told and checks every request. */
export async function startGitHubApi(options: GitHubApiOptions = {}): Promise<GitHubApi> {
  const { description, router, schemas } = await loadModel();
  const operations = { ...OPERATIONS, ...options.operations };
  for (const id of Object.keys(operations)) {
    const known = description.operations.find((operation) => operation.id === id);
    if (!known?.path.startsWith('/repos/{owner}/{repo}'))
      throw new Error(`GitHub has no repository operation ${id}`);
  }
  let lastId = 1000;
  const clock: Clock = {
    now: () => (options.now?.() ?? new Date()).toISOString().replace(/\.\d+Z$/, 'Z'),
    id: () => ++lastId,
  };
  const requests: RequestRecord[] = [];
  const violations: Violation[] = [];
  const faults = new FaultQueue();
  const downloads = new Map<string, { data: Buffer; type: string }>();
  const tokens = new Map<string, Token>();
  const repositories = new Map<string, Repository>();

  const server = createServer((request, response) => {
    exchange(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  const url = await listen(server);

  const context: Context = {
    router,
    schemas,
    operations,
    repositories,
    tokens,
    clock,
    links: (repository) => linksOf(url, repository, downloads),
    report: (violation) => violations.push(violation),
    unknownUrl: `${url}/not-modelled`,
  };

  async function exchange(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const incoming = await read(request, url);
    const download = downloads.get(incoming.path);
    if (download) {
      response.writeHead(200, { 'content-type': download.type }).end(download.data);
      return;
    }
    const isGraphql = incoming.method === 'POST' && incoming.path === '/graphql';
    const operation = isGraphql ? 'graphql' : router.match(incoming.method, incoming.path)?.operation.id;
    const record = recordOf(incoming, operation);
    requests.push(record);
    const fault = faults.take(record.operation, incoming.method);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'disconnect') {
      request.socket.destroy();
      return;
    }
    if (fault?.kind === 'slow') await delay(fault.ms, undefined, { ref: false });
    const result =
      (fault && faultAnswer(fault)) ??
      (isGraphql ? await answerGraphql(incoming, context) : answer(incoming, context));
    if (fault?.kind === 'lost-answer') {
      request.socket.destroy();
      return;
    }
    record.status = send(response, incoming, result, RATE_LIMIT - requests.length);
  }

  const api: GitHubApi = {
    url,
    enterpriseUrl: `${url}/api/v3`,
    requests,
    violations,
    repository(fullName, repositoryOptions) {
      const key = fullName.toLowerCase();
      const repository = repositories.get(key) ?? new Repository(fullName, clock, repositoryOptions);
      repositories.set(key, repository);
      return repository;
    },
    token(permissions, { user = ACTIONS_BOT, repositories: issuedFor } = {}) {
      const value = `ghs_${randomBytes(18).toString('hex')}`;
      tokens.set(value, { value, permissions, user, ...(issuedFor && { repositories: issuedFor }) });
      return value;
    },
    inject: (fault, filter) => faults.add(fault, filter),
    expectNoViolations() {
      const lines = [
        ...violations.map(
          ({ request, operation, message }) => `${request} (${operation ?? 'unknown'}): ${message}`,
        ),
        ...faults.unused().map((fault) => `no request met the injected fault: ${fault}`),
      ];
      if (lines.length > 0) throw new Error(`GitHub API violations:\n${lines.join('\n')}`);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
    [Symbol.asyncDispose]: () => api.close(),
  };
  return api;
}

/** Shared by the servers of a process, so that each validator is compiled once. */
function loadModel(): Promise<Model> {
  model ??= loadDescription().then((description) => ({
    description,
    router: createRouter(description.operations),
    schemas: createSchemas(description),
  }));
  return model;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function read(request: IncomingMessage, base: string): Promise<Incoming> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const url = new URL(request.url ?? '/', base);
  const prefix = PREFIXES.find((candidate) => url.pathname.startsWith(`${candidate}/`)) ?? '';
  const headers = Object.entries(request.headers).map(([name, value]) => [name, [value].flat().join(', ')]);
  return {
    method: request.method ?? 'GET',
    path: url.pathname.slice(prefix.length),
    url,
    headers: Object.fromEntries(headers),
    body: Buffer.concat(chunks),
  };
}

function recordOf(incoming: Incoming, operation: string | undefined): RequestRecord {
  return {
    method: incoming.method,
    path: incoming.path,
    ...(operation && { operation }),
    query: Object.fromEntries(incoming.url.searchParams),
    body: parsed(incoming.body),
    headers: incoming.headers,
  };
}

function parsed(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  const text = body.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Writes an answer with the headers GitHub adds to all of them; returns the status that was sent. */
function send(response: ServerResponse, incoming: Incoming, result: Answer, remaining: number): number {
  const payload = Buffer.isBuffer(result.body)
    ? result.body
    : Buffer.from(result.body === undefined ? '' : JSON.stringify(result.body));
  const headers: Record<string, string> = {
    'x-github-request-id': randomBytes(8).toString('hex').toUpperCase(),
    'x-github-media-type': 'github.v3; format=json',
    'x-ratelimit-limit': String(RATE_LIMIT),
    'x-ratelimit-remaining': String(Math.max(remaining, 0)),
    'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 3600),
    'x-ratelimit-resource': 'core',
    ...(payload.length > 0 && { 'content-type': 'application/json; charset=utf-8' }),
    ...result.headers,
  };
  const readsOk = result.status === 200 && (incoming.method === 'GET' || incoming.method === 'HEAD');
  if (readsOk) {
    const etag = `W/"${createHash('sha256').update(payload).digest('hex')}"`;
    headers.etag = etag;
    if (incoming.headers['if-none-match'] === etag) {
      delete headers['content-type'];
      response.writeHead(304, headers).end();
      return 304;
    }
  }
  response.writeHead(result.status, headers).end(payload);
  return result.status;
}

function linksOf(
  url: string,
  repository: Repository,
  downloads: Map<string, { data: Buffer; type: string }>,
): Links {
  return {
    api: (path) => `${url}/repos/${repository.fullName}${path}`,
    html: (path) => `${url}/${repository.fullName}${path}`,
    download(data, type) {
      const path = `/_storage/${createHash('sha256').update(type).update(data).digest('hex')}`;
      downloads.set(path, { data, type });
      return url + path;
    },
  };
}
