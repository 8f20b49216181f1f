import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { git, gitIfThere } from './git.ts';

/** What happened, in the words of GitHub's webhooks. Anything left out is taken from the repository's git state. */
export interface EventOptions {
  /** The event's name. Default `push`. */
  event?: string;
  /** Laid over the payload made here: objects are merged, everything else is replaced. */
  payload?: Record<string, unknown>;
  /** The full ref that was pushed or that a dispatch names. Default: the branch that is checked out. */
  ref?: string;
  /** The branch a pull request goes to. Default: the default branch. */
  base?: string;
  /** Whether a pull request comes from a fork: it then gets no secrets, as on GitHub. */
  fork?: boolean;
  /** Inputs of a workflow_dispatch. */
  inputs?: Record<string, string | number | boolean>;
  /** The repository's `owner/name` on the imagined GitHub. Default `octo-org/model`. */
  slug?: string;
  /** Who caused it. Default `octocat`. */
  actor?: string;
}

interface State extends Required<Pick<EventOptions, 'slug' | 'actor'>> {
  path: string;
  sha: string;
  parent: string;
  branch: string;
  ref: string;
  defaultBranch: string;
  message: string;
  committedAt: string;
}

type Payload = Record<string, unknown>;
const noCommit = '0'.repeat(40);

/** The payload of an event on a repository as it stands, so that `github.event.*` reads as on GitHub. */
export async function eventPayload(path: string, options: EventOptions): Promise<Payload> {
  const state = await readState(path, options);
  const { event = 'push' } = options;
  const specific = await (payloads[event] ?? (() => ({})))(state, options);
  const common = { repository: repository(state), sender: user(state.actor) };
  return merge(merge(common, specific), options.payload ?? {});
}

const payloads: Record<string, (state: State, options: EventOptions) => Payload | Promise<Payload>> = {
  push: ({ ref, sha, parent, actor, slug, ...state }) => ({
    ref,
    before: ref.startsWith('refs/tags/') ? noCommit : parent,
    after: sha,
    base_ref: null,
    created: ref.startsWith('refs/tags/') || parent === noCommit,
    deleted: false,
    forced: false,
    compare: `https://github.com/${slug}/compare/${parent.slice(0, 12)}...${sha.slice(0, 12)}`,
    commits: [commit(sha, slug, state)],
    head_commit: commit(sha, slug, state),
    pusher: { name: actor, email: `${actor}@users.noreply.github.com` },
  }),
  pull_request: pullRequest,
  pull_request_target: pullRequest,
  schedule: () => ({ schedule: '0 3 * * *' }),
  workflow_dispatch: ({ ref }, { inputs = {} }) => ({
    ref,
    // The form and the API send text; the `inputs` context has the declared type.
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, String(value)])),
  }),
  repository_dispatch: ({ defaultBranch }) => ({
    action: 'retrain',
    branch: defaultBranch,
    client_payload: {},
  }),
  release: ({ ref, defaultBranch, slug, actor, committedAt }) => {
    const tag = ref.replace('refs/tags/', '');
    return {
      action: 'published',
      release: {
        id: 1,
        tag_name: tag,
        target_commitish: defaultBranch,
        name: tag,
        body: '',
        draft: false,
        prerelease: false,
        created_at: committedAt,
        published_at: committedAt,
        author: user(actor),
        html_url: `https://github.com/${slug}/releases/tag/${tag}`,
      },
    };
  },
};

async function pullRequest(state: State, { base, fork = false }: EventOptions): Promise<Payload> {
  const { path, slug, actor, sha, branch, defaultBranch, parent, message } = state;
  const baseRef = base ?? defaultBranch;
  const baseSha = (await gitIfThere(path, ['rev-parse', '--verify', `refs/heads/${baseRef}`])) ?? parent;
  const headSlug = fork ? `${actor}/${slug.split('/')[1]}` : slug;
  const head = { ...state, slug: headSlug };
  const number = 1;
  return {
    action: 'opened',
    number,
    pull_request: {
      id: number,
      number,
      state: 'open',
      title: message,
      body: null,
      draft: false,
      merged: false,
      labels: [],
      user: user(actor),
      author_association: fork ? 'CONTRIBUTOR' : 'MEMBER',
      html_url: `https://github.com/${slug}/pull/${number}`,
      head: {
        ref: branch,
        sha,
        label: `${headSlug.split('/')[0]}:${branch}`,
        user: user(headSlug.split('/')[0] ?? ''),
        repo: { ...repository(head), fork },
      },
      base: {
        ref: baseRef,
        sha: baseSha,
        label: `${slug.split('/')[0]}:${baseRef}`,
        user: user(slug.split('/')[0] ?? ''),
        repo: repository(state),
      },
    },
  };
}

function repository({ slug, defaultBranch }: Pick<State, 'slug' | 'defaultBranch'>): Payload {
  const [owner = '', name = ''] = slug.split('/');
  return {
    id: 1,
    name,
    full_name: slug,
    private: false,
    fork: false,
    owner: { ...user(owner), name: owner },
    default_branch: defaultBranch,
    html_url: `https://github.com/${slug}`,
    clone_url: `https://github.com/${slug}.git`,
    url: `https://api.github.com/repos/${slug}`,
  };
}

const user = (login: string) => ({ login, id: 1, type: 'User', html_url: `https://github.com/${login}` });

function commit(id: string, slug: string, { message, committedAt }: Pick<State, 'message' | 'committedAt'>) {
  return {
    id,
    message,
    timestamp: committedAt,
    url: `https://github.com/${slug}/commit/${id}`,
    distinct: true,
  };
}

async function readState(path: string, options: EventOptions): Promise<State> {
  const dotGit = await stat(join(path, '.git')).catch(() => undefined);
  if (!dotGit?.isDirectory()) {
    // A linked worktree's .git is a file that names the real one: a copy's commits would land in the user's repository.
    throw new UserError(`${path} is ${dotGit ? 'a linked worktree' : 'no git repository'}`, {
      advice: 'Give the engine the root of a clone.',
    });
  }
  const sha = await gitIfThere(path, ['rev-parse', '--verify', 'HEAD']);
  if (!sha) throw new UserError(`${path} has no commit`, { advice: 'Commit its files first.' });
  const current = await gitIfThere(path, ['symbolic-ref', '--short', 'HEAD']);
  const defaultBranch = await findDefaultBranch(path, current);
  const ref = options.ref ?? (await defaultRef(path, options, current ?? defaultBranch));
  await requireCheckedOut(path, ref, sha);
  return {
    path,
    sha,
    ref,
    defaultBranch,
    slug: options.slug ?? 'octo-org/model',
    actor: options.actor ?? 'octocat',
    parent: (await gitIfThere(path, ['rev-parse', '--verify', 'HEAD^'])) ?? noCommit,
    branch: current ?? defaultBranch,
    message: await git(path, ['log', '-1', '--format=%B']),
    committedAt: await git(path, ['log', '-1', '--format=%cI']),
  };
}

async function defaultRef(path: string, { event }: EventOptions, branch: string): Promise<string> {
  if (event !== 'release') return `refs/heads/${branch}`;
  const tag = await gitIfThere(path, ['describe', '--tags', '--exact-match', 'HEAD']);
  if (tag) return `refs/tags/${tag}`;
  throw new UserError(`No tag of ${path} names the commit that is checked out, so it cannot be released`, {
    advice: 'Tag the commit, or pass ref.',
  });
}

async function findDefaultBranch(path: string, current: string | undefined): Promise<string> {
  const ofOrigin = await gitIfThere(path, ['symbolic-ref', '--short', 'refs/remotes/origin/HEAD']);
  if (ofOrigin) return ofOrigin.replace(/^origin\//, '');
  const branches = (await git(path, ['branch', '--format=%(refname:short)'])).split('\n');
  return ['main', 'master'].find((name) => branches.includes(name)) ?? current ?? 'main';
}

/** Steps get the files that are checked out, so a run on another commit would test something else than it says. */
async function requireCheckedOut(path: string, ref: string, sha: string): Promise<void> {
  const named = await gitIfThere(path, ['rev-parse', '--verify', `${ref}^{commit}`]);
  if (named === sha) return;
  throw new UserError(
    named ? `${ref} is ${named}, but ${sha} is checked out in ${path}` : `There is no ${ref} in ${path}`,
    { advice: `Check ${ref} out first, and give it in full, as refs/heads/… or refs/tags/….` },
  );
}

function merge(under: Payload, over: Payload): Payload {
  const merged = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = under[key];
    merged[key] = isObject(below) && isObject(value) ? merge(below, value) : value;
  }
  return merged;
}

const isObject = (value: unknown): value is Payload =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
