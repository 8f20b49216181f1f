import type { Operation, Schema } from './compact.ts';
import { complete } from './complete.ts';
import { keepDescribed } from './described.ts';
import { ApiError, invalidRequest, notFound } from './errors.ts';
import type { Call, Links, Operations, Reply } from './operation.ts';
import { MAX_PER_PAGE, paginate } from './pagination.ts';
import { authorize, type Token } from './permissions.ts';
import type { Clock, Repository } from './repository.ts';
import type { Match, Router } from './router.ts';
import type { JsonObject, Schemas } from './schemas.ts';

/** Something a request should not have done, or an answer that GitHub would not give. */
export interface Violation {
  kind: 'route' | 'parameter' | 'body' | 'not-modelled' | 'response';
  /** GitHub's id of the operation; undefined when there is none for the address. */
  operation?: string;
  request: string;
  message: string;
}

/** A request whose body has been read. */
export interface Incoming {
  method: string;
  /** Path below the API's root. */
  path: string;
  /** The address asked for, for links to other pages. */
  url: URL;
  headers: Record<string, string | undefined>;
  body: Buffer;
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  /** JSON unless a Buffer. */
  body?: unknown;
}

/** What answering a request draws on. */
export interface Context {
  router: Router;
  schemas: Schemas;
  operations: Operations;
  repositories: Map<string, Repository>;
  tokens: Map<string, Token>;
  clock: Clock;
  links(repository: Repository): Links;
  report(violation: Violation): void;
  unknownUrl: string;
}

type Report = (kind: Violation['kind'], message: string) => void;

/** Takes one request through routing, validation, authorization and its handler, as GitHub would answer it. */
export function answer(incoming: Incoming, context: Context): Answer {
  const match = context.router.match(incoming.method, incoming.path);
  const docs = match?.operation.docs ?? '';
  const report: Report = (kind, message) =>
    context.report({
      kind,
      message,
      request: `${incoming.method} ${incoming.path}`,
      ...(match && { operation: match.operation.id }),
    });
  try {
    return serve(incoming, match, context, report);
  } catch (error) {
    if (error instanceof ApiError)
      return { status: error.status, headers: error.headers, body: error.body(docs) };
    report('response', `the fake's handler failed: ${(error as Error).message}`);
    return { status: 500, headers: {}, body: { message: String((error as Error).stack), status: '500' } };
  }
}

function serve(incoming: Incoming, match: Match | undefined, context: Context, report: Report): Answer {
  if (!incoming.headers['user-agent']) {
    throw new ApiError(
      403,
      'Request forbidden by administrative rules. Please make sure your request has a User-Agent header',
    );
  }
  const token = authenticate(incoming, context);
  if (!match) {
    const methods = context.router.methods(incoming.path);
    report(
      'route',
      methods.length > 0 ? `this address has only ${methods.join(', ')}` : 'GitHub has no such address',
    );
    throw notFound();
  }
  const { operation } = match;
  const parameters = checkParameters(incoming, match, context, report);
  const body = checkBody(incoming, operation, context, report);
  const handler = context.operations[operation.id];
  if (!handler) {
    report('not-modelled', `add a handler for ${operation.id} to the fake, or pass one in \`operations\``);
    throw new ApiError(501, `The fake GitHub API does not model ${operation.id}`);
  }
  const repository = context.repositories.get(
    `${match.parameters.owner}/${match.parameters.repo}`.toLowerCase(),
  );
  if (!repository) throw notFound();
  authorize(token, repository, handler.needs, incoming.method);
  if (parameters.pathProblems) throw notFound();
  const problems = [...parameters.problems, ...body.problems];
  if (problems.length > 0) throw invalidRequest(problems);

  const call: Call = {
    repository,
    path: match.parameters,
    query: parameters.values,
    body: body.value,
    accept: incoming.headers.accept ?? '',
    contentType: incoming.headers['content-type'] ?? '',
    user: token?.user ?? { login: 'anonymous', id: 0, type: 'User' },
    clock: context.clock,
    links: context.links(repository),
  };
  return finish(handler.handle(call), { incoming, operation, call, context, report });
}

function authenticate(incoming: Incoming, context: Context): Token | undefined {
  const header = incoming.headers.authorization;
  if (!header) return undefined;
  const token = context.tokens.get(/^(?:bearer|token) (\S+)$/i.exec(header)?.[1] ?? '');
  if (!token) throw new ApiError(401, 'Bad credentials');
  return token;
}

function checkParameters(incoming: Incoming, match: Match, context: Context, report: Report) {
  const { operation } = match;
  const query: JsonObject = {};
  for (const name of new Set(incoming.url.searchParams.keys())) {
    const all = incoming.url.searchParams.getAll(name);
    query[name] = all.length > 1 ? all : all[0];
    if (!operation.parameters.some((parameter) => parameter.in === 'query' && parameter.name === name)) {
      report('parameter', `${name} is not a query parameter of this operation`);
    }
  }
  if (Number(query.per_page) > MAX_PER_PAGE) {
    report(
      'parameter',
      `per_page is ${query.per_page}, but GitHub gives at most ${MAX_PER_PAGE} items a page`,
    );
  }
  const pathOnly = {
    ...operation,
    id: `${operation.id} path`,
    parameters: operation.parameters.filter((p) => p.in === 'path'),
  };
  const pathProblems = context.schemas.parameters(pathOnly, match.parameters).problems;
  const { values, problems } = context.schemas.parameters(operation, { ...query, ...match.parameters });
  for (const problem of problems) report('parameter', problem);
  return { values, problems, pathProblems: pathProblems.length > 0 };
}

/** The value has GitHub's defaults filled in where the request creates something. */
function checkBody(incoming: Incoming, operation: Operation, context: Context, report: Report) {
  const { body } = operation;
  if (!body) {
    if (incoming.body.length > 0) report('body', 'this operation takes no body');
    return { value: undefined, problems: [] };
  }
  if (!body.contentType.includes('json')) return { value: incoming.body, problems: [] };
  if (incoming.body.length === 0 && !body.required)
    return { value: withDefaults({}, operation), problems: [] };
  const value = parseJson(incoming.body, report);
  const problems = context.schemas.body(operation, value);
  for (const problem of problems) report('body', problem);
  const described = keepDescribed(body.schema, value, context.schemas.resolve);
  for (const path of described.unknown) {
    report('body', `${path} is not a property of this operation's body; GitHub would ignore it`);
  }
  return { value: withDefaults(described.value, operation), problems };
}

function parseJson(body: Buffer, report: Report): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    report('body', 'the body is not JSON');
    throw new ApiError(400, 'Problems parsing JSON');
  }
}

function withDefaults(body: unknown, { method, body: description }: Operation): unknown {
  if (method === 'PATCH' || typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const properties = Object.entries(description?.schema.properties ?? {}).filter(
    ([, { default: d }]) => d !== undefined,
  );
  return { ...Object.fromEntries(properties.map(([name, property]) => [name, property.default])), ...body };
}

interface Served {
  incoming: Incoming;
  operation: Operation;
  call: Call;
  context: Context;
  report: Report;
}

/** Turns a handler's reply into the whole answer, and checks that it is one that GitHub's description allows. */
function finish(reply: Reply, { incoming, operation, call, context, report }: Served): Answer {
  const headers = { ...reply.headers };
  if (reply.raw) {
    return {
      status: reply.status,
      headers: { ...headers, 'content-type': reply.raw.type },
      body: reply.raw.data,
    };
  }
  let known = reply.body;
  if (reply.list) {
    const page = paginate(reply.list.items, call.query, incoming.url);
    if (page.link) headers.link = page.link;
    known = reply.list.key
      ? { total_count: reply.list.items.length, [reply.list.key]: page.items }
      : page.items;
  }
  const schema: Schema | null | undefined = operation.responses[reply.status];
  const completion = {
    resolve: context.schemas.resolve,
    unknownUrl: context.unknownUrl,
    now: context.clock.now(),
  };
  const body = schema && known !== undefined ? complete(schema, known, completion) : known;
  for (const problem of context.schemas.response(operation, reply.status, body)) {
    report('response', `the fake's ${reply.status} answer: ${problem}`);
  }
  return { status: reply.status, headers, body };
}
