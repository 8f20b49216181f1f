import { createHash } from 'node:crypto';
import { createOnce, type GitHubApi } from '@mlops/core/github-api';

/** A pull request, and the one of its comments that is kept up. */
export interface Place {
  owner: string;
  repo: string;
  number: number;
  /** Tells the comments of several reports on one pull request apart. */
  key: string;
}

export interface Comment {
  /** Of the run and its attempt: a run that tries again does not comment twice. */
  run: string;
  failed: boolean;
  /** The same for reports that say the same apart from times. */
  content: string;
  markdown: string;
}

export type Mode = 'update' | 'recreate' | 'append' | 'hide' | 'delete';
export type When = 'auto' | 'always' | 'on-change' | 'on-failure';

export interface Posted {
  did: 'created' | 'updated' | 'left' | 'deleted' | 'none';
  url?: string;
}

/** GitHub takes this many characters; counted in bytes it is never more. */
const longestComment = 65_536;
/** A comment begins with a remark that is not shown, by which it is found again. */
const longestMark = 200;

/** Bytes that the Markdown of a comment may have. */
export const longestMarkdown = longestComment - longestMark;

/**
 * Brings the comment up to date. Only comments of the same author count, so that nobody can have the report written
 * over a comment of theirs. The new one is there before a former one goes.
 */
export async function postComment(
  api: GitHubApi,
  place: Place,
  comment: Comment,
  { mode, when, signal }: { mode: Mode; when: When; signal?: AbortSignal },
): Promise<Posted> {
  const former = await ownComments(api, place);
  const newest = former.at(-1);
  const isSettled =
    (when === 'on-change' && newest?.content === comment.content) ||
    (when === 'on-failure' && !comment.failed && newest?.failed !== true);
  if (isSettled) return newest ? { did: 'left', url: newest.url } : { did: 'none' };
  if (mode === 'delete') {
    for (const { id } of former) await remove(api, id);
    return { did: former.length ? 'deleted' : 'none' };
  }
  const same = mode === 'update' ? newest : former.find(({ run }) => run === comment.run);
  const body = `${markOf(place.key, comment)}\n${comment.markdown}`;
  const posted = same ? await change(api, same, body) : await create(api, place, comment, body, signal);
  const others = former.filter(({ id }) => id !== same?.id);
  if (mode === 'recreate') for (const { id } of others) await remove(api, id);
  if (mode === 'hide') for (const { id, isMinimized } of others) if (!isMinimized) await minimise(api, id);
  return posted;
}

interface OwnComment extends Pick<Comment, 'run' | 'failed' | 'content'> {
  /** Of GraphQL. */
  id: string;
  url: string;
  body: string;
  isMinimized: boolean;
}

interface Page {
  repository: {
    pullRequest: {
      comments: {
        nodes: { id: string; url: string; body: string; viewerDidAuthor: boolean; isMinimized: boolean }[];
        pageInfo: { hasNextPage: boolean; endCursor: string | null };
      };
    };
  };
}

/** Those that this token's user wrote under the key, oldest first. */
async function ownComments(api: GitHubApi, { key, ...place }: Place): Promise<OwnComment[]> {
  const found: OwnComment[] = [];
  let after: string | null = null;
  do {
    const page: Page = await api.graphql(
      `query ($owner: String!, $repo: String!, $number: Int!, $after: String) {
        repository(owner: $owner, name: $repo) {
          pullRequest(number: $number) {
            comments(first: 100, after: $after) {
              nodes { id url body viewerDidAuthor isMinimized }
              pageInfo { hasNextPage endCursor }
            }
          }
        }
      }`,
      { ...place, after },
    );
    const { nodes, pageInfo } = page.repository.pullRequest.comments;
    for (const { viewerDidAuthor, ...node } of nodes) {
      const mark = viewerDidAuthor ? readMark(node.body, key) : undefined;
      if (mark) found.push({ ...node, ...mark });
    }
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
  } while (after);
  return found;
}

function markOf(key: string, { run, failed, content }: Omit<Comment, 'markdown'>): string {
  return `<!-- mlops-report key=${keyDigest(key)} run=${run} ${failed ? 'failed' : 'passed'} content=${content} -->`;
}

function readMark(body: string, key: string): Omit<Comment, 'markdown'> | undefined {
  const mark = /^<!-- mlops-report key=(\w+) run=([\w-]+) (failed|passed) content=(\w+) -->/.exec(body);
  if (mark?.[1] !== keyDigest(key)) return undefined;
  return { run: mark[2] ?? '', failed: mark[3] === 'failed', content: mark[4] ?? '' };
}

/** A key is any text, and a remark must not end early. */
function keyDigest(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 16);
}

async function create(
  api: GitHubApi,
  place: Place,
  { run }: Comment,
  body: string,
  signal: AbortSignal | undefined,
): Promise<Posted> {
  const { owner, repo, number } = place;
  return createOnce<Posted>(
    'the comment',
    async () => {
      const made = await api.rest.issues.createComment({ owner, repo, issue_number: number, body });
      return { did: 'created', url: made.data.html_url };
    },
    async () => {
      const made = (await ownComments(api, place)).find((one) => one.run === run);
      return made && { did: 'created', url: made.url };
    },
    signal,
  );
}

async function change(api: GitHubApi, { id, url, body: before }: OwnComment, body: string): Promise<Posted> {
  if (before === body) return { did: 'left', url };
  await api.graphql(
    'mutation ($id: ID!, $body: String!) { updateIssueComment(input: {id: $id, body: $body}) { clientMutationId } }',
    { id, body },
  );
  return { did: 'updated', url };
}

async function remove(api: GitHubApi, id: string): Promise<void> {
  await api
    .graphql('mutation ($id: ID!) { deleteIssueComment(input: {id: $id}) { clientMutationId } }', { id })
    .catch((error: { errors?: { type?: string }[] }) => {
      // Somebody else, or a request whose answer was lost, has deleted it already.
      if (!error.errors?.every(({ type }) => type === 'NOT_FOUND')) throw error;
    });
}

async function minimise(api: GitHubApi, id: string): Promise<void> {
  await api.graphql(
    'mutation ($id: ID!) { minimizeComment(input: {subjectId: $id, classifier: OUTDATED}) { clientMutationId } }',
    { id },
  );
}
