import { buildSchema, type GraphQLError, type GraphQLSchema, graphql, parse, validate } from 'graphql';
import { ApiError } from './errors.ts';
import { checkCommentBody, nodeId } from './operations/issues.ts';
import { authorize, type Requirement, type Token } from './permissions.ts';
import type { Answer, Context, Incoming } from './pipeline.ts';
import type { Repository } from './repository.ts';
import type { Comment } from './state.ts';

/** Answers a query as GitHub does: its own schema checks it, and what is modelled below resolves it. */
export async function answerGraphql(incoming: Incoming, context: Context): Promise<Answer> {
  const header = /^(?:bearer|token) (\S+)$/i.exec(incoming.headers.authorization ?? '')?.[1];
  const token = context.tokens.get(header ?? '');
  if (!token) return { status: 401, headers: {}, body: { message: 'Bad credentials', status: '401' } };
  const { query = '', variables } = JSON.parse(incoming.body.toString()) as Query;
  const schema = await gitHubSchema();
  for (const { message } of problems(schema, query))
    context.report({ kind: 'body', operation: 'graphql', request: 'POST /graphql', message });
  const result = await graphql({
    schema,
    source: query,
    variableValues: variables ?? {},
    rootValue: root(token, context),
  });
  const errors = result.errors?.map(({ message, path, locations, originalError }) => ({
    ...(originalError instanceof Refusal && { type: originalError.type }),
    message,
    path,
    locations,
  }));
  return { status: 200, headers: {}, body: { data: result.data, ...(errors && { errors }) } };
}

interface Query {
  query?: string;
  variables?: Record<string, unknown>;
}

let loaded: Promise<GraphQLSchema> | undefined;

function gitHubSchema(): Promise<GraphQLSchema> {
  loaded ??= import('@octokit/graphql-schema').then(({ schema }) =>
    buildSchema(schema.idl, { assumeValidSDL: true }),
  );
  return loaded;
}

function problems(schema: GraphQLSchema, query: string): readonly GraphQLError[] {
  try {
    return validate(schema, parse(query));
  } catch (error) {
    return [error as GraphQLError];
  }
}

/** An error with GitHub's type beside the message. */
class Refusal extends Error {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

const READ: Requirement = [{ issues: 'read' }, { 'pull-requests': 'read' }];
const WRITE: Requirement = [{ issues: 'write' }, { 'pull-requests': 'write' }];

interface Page {
  first?: number;
  last?: number;
  after?: string;
  before?: string;
}

function root(token: Token, context: Context) {
  const allowed = (repository: Repository, needs: Requirement, method: string) => {
    try {
      authorize(token, repository, needs, method);
    } catch (error) {
      throw new Refusal(
        error instanceof ApiError && error.status === 404 ? 'NOT_FOUND' : 'FORBIDDEN',
        (error as Error).message,
      );
    }
  };
  const writable = (id: string) => {
    for (const repository of context.repositories.values()) {
      const comment = repository.comments.find((one) => nodeId(one) === id);
      if (!comment) continue;
      allowed(repository, WRITE, 'POST');
      return { comment, repository };
    }
    throw new Refusal('NOT_FOUND', `Could not resolve to a node with the global id of '${id}'`);
  };
  const shown = (repository: Repository) => (comment: Comment) => ({
    __typename: 'IssueComment',
    id: nodeId(comment),
    databaseId: comment.id,
    fullDatabaseId: String(comment.id),
    body: comment.body,
    url: context.links(repository).html(`/pull/${comment.issue_number}#issuecomment-${comment.id}`),
    author: { __typename: comment.user.type, login: comment.user.login.replace('[bot]', '') },
    viewerDidAuthor: comment.user.id === token.user.id,
    isMinimized: comment.minimized !== undefined,
    minimizedReason: comment.minimized?.toLowerCase() ?? null,
  });
  return {
    viewer: { __typename: 'User', login: token.user.login },
    repository({ owner, name }: { owner: string; name: string }) {
      const repository = context.repositories.get(`${owner}/${name}`.toLowerCase());
      if (!repository)
        throw new Refusal('NOT_FOUND', `Could not resolve to a Repository with the name '${owner}/${name}'.`);
      return {
        pullRequest({ number }: { number: number }) {
          allowed(repository, READ, 'GET');
          if (!repository.issues.some((issue) => issue.number === number && issue.pull_request))
            throw new Refusal(
              'NOT_FOUND',
              `Could not resolve to a PullRequest with the number of ${number}.`,
            );
          const comments = repository.comments.filter(({ issue_number }) => issue_number === number);
          return { comments: (page: Page) => connection(comments.map(shown(repository)), page) };
        },
      };
    },
    updateIssueComment({ input }: { input: { id: string; body: string } }) {
      const { comment, repository } = writable(input.id);
      try {
        checkCommentBody(input.body);
      } catch (error) {
        throw new Refusal('UNPROCESSABLE', (error as Error).message);
      }
      Object.assign(comment, { body: input.body, updated_at: context.clock.now() });
      return { issueComment: shown(repository)(comment) };
    },
    deleteIssueComment({ input }: { input: { id: string } }) {
      const { comment, repository } = writable(input.id);
      repository.comments.splice(repository.comments.indexOf(comment), 1);
      return {};
    },
    minimizeComment({ input }: { input: { subjectId: string; classifier: string } }) {
      const { comment, repository } = writable(input.subjectId);
      comment.minimized = input.classifier;
      return { minimizedComment: shown(repository)(comment) };
    },
  };
}

/** At most a hundred, from either end, as GitHub pages its connections. */
function connection(nodes: readonly { id: string }[], { first, last, after, before }: Page) {
  const size = first ?? last;
  if (size === undefined || size > 100)
    throw new Refusal('EXCESSIVE_PAGINATION', 'Give `first` or `last` of at most 100 records.');
  const start = after ? nodes.findIndex(({ id }) => id === after) + 1 : 0;
  const end = before ? nodes.findIndex(({ id }) => id === before) : nodes.length;
  const from = last === undefined ? start : Math.max(start, end - last);
  const to = first === undefined ? end : Math.min(end, start + first);
  const page = nodes.slice(from, to);
  return {
    nodes: page,
    totalCount: nodes.length,
    pageInfo: {
      hasNextPage: to < nodes.length,
      hasPreviousPage: from > 0,
      startCursor: page[0]?.id ?? null,
      endCursor: page.at(-1)?.id ?? null,
    },
  };
}
