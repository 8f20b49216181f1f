import type { GitHub } from './github.ts';
import { DeadlineError, retry } from './retry.ts';

/** GitHub's API as its own client offers it: `rest`, `paginate`, `graphql` and `request`. */
export type GitHubApi = ReturnType<typeof import('@actions/github').getOctokit>;

/** One try may take this long; GitHub itself gives up after ten seconds. */
const tryMs = 30_000;
/** And all tries of a request together; a secondary rate limit usually asks for a minute. */
const deadlineMs = 180_000;

/**
 * A client for the API of the server that runs this job, through its proxy where there is one. Every request is tried
 * again as GitHub asks: after its pause where a rate limit was met, and otherwise when it may be repeated without
 * harm: what creates something may not, nor a request with `request: { once: true }`; see `createOnce`.
 */
export async function gitHubApi(
  { apiUrl }: Pick<GitHub, 'apiUrl'>,
  token: string,
  signal?: AbortSignal,
): Promise<GitHubApi> {
  const { getOctokit } = await import('@actions/github');
  const api = getOctokit(token, { baseUrl: apiUrl, userAgent: 'mlops' });
  api.hook.wrap('request', (request, options) => {
    const isPost = options.method === 'POST' && !options.url.endsWith('/graphql');
    const isRepeatable = !isPost && options.request?.once !== true;
    const what = `${options.method} ${options.url}`;
    return retry(
      async (aborted) => {
        const within = AbortSignal.any([aborted, AbortSignal.timeout(tryMs)]);
        return request({ ...options, request: { ...options.request, signal: within } });
      },
      {
        what,
        deadlineMs,
        signal,
        retryable: (error) => pauseAsked(error) ?? (isRepeatable && isUncertain(error)),
        onRetry: (error, _, pauseMs) =>
          console.log(`${what}: ${reasonOf(error)}; trying again in ${Math.ceil(pauseMs / 1000)} s.`),
      },
    );
  });
  return api;
}

/**
 * Creates something exactly once, also where the answer to a request was lost and nobody can tell whether it was
 * carried out: then `find` looks for what may be there already.
 */
export function createOnce<T>(
  what: string,
  create: () => Promise<T>,
  find: () => Promise<T | undefined>,
  signal?: AbortSignal,
): Promise<T> {
  const attempt = async (_: AbortSignal, number: number) =>
    (number > 1 ? await find() : undefined) ?? (await create());
  return retry(attempt, { what, attempts: 3, deadlineMs, signal, retryable: isUncertain });
}

/** Whether GitHub refused because the token may not do this; it hides what a token may not see. */
export function isDenied(error: unknown): boolean {
  const { status, errors = [] } = error as Failure;
  if (status === 403) return /not accessible by|must have/i.test(String((error as Error).message));
  return (
    status === 404 || errors.some(({ type }) => ['FORBIDDEN', 'INSUFFICIENT_SCOPES'].includes(type ?? ''))
  );
}

/** Whether this is an answer of the API or of the network, rather than a mistake of ours. */
export function isFromApi(error: unknown): boolean {
  const { status, errors } = error as { status?: unknown; errors?: unknown };
  return error instanceof DeadlineError || typeof status === 'number' || Array.isArray(errors);
}

/** What GitHub said, without the address of its documentation. */
export function reasonOf(error: unknown): string {
  const message = String((error as Error)?.message ?? error).split(' - https://')[0] ?? '';
  const { status } = error as Failure;
  return status && !message.includes(String(status)) ? `${message} (${status})` : message;
}

/** As much of the client's errors as is looked at: of REST by status, of GraphQL by type. */
interface Failure {
  status?: number;
  response?: { headers?: Record<string, string | number | undefined> };
  errors?: readonly { type?: string }[];
}

/** Nobody knows whether the request was carried out. */
function isUncertain(error: unknown): boolean {
  const { status } = error as Failure;
  return status !== undefined && status >= 500;
}

/**
 * Milliseconds to wait after a rate limit was met; false for longer than a job should wait, undefined for anything
 * else. What was refused so was not carried out.
 */
function pauseAsked(error: unknown): number | false | undefined {
  const { status, response } = error as Failure;
  if (status !== 403 && status !== 429) return undefined;
  const headers = response?.headers ?? {};
  const seconds = headers['retry-after'] ? Number(headers['retry-after']) : secondsToReset(headers);
  const isSecondary = status === 429 || /secondary rate limit/i.test(String((error as Error).message));
  if (seconds === undefined) return isSecondary ? 60_000 : undefined;
  return seconds * 1000 < deadlineMs && seconds * 1000;
}

function secondsToReset(headers: Record<string, string | number | undefined>): number | undefined {
  if (String(headers['x-ratelimit-remaining']) !== '0') return undefined;
  return Math.max(1, Number(headers['x-ratelimit-reset']) - Math.floor(Date.now() / 1000) + 1);
}
