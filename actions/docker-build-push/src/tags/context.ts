import type { GitHub } from '@mlops/core';

/** What a description of an image is made of, beside the user's rules: the run, the commit and the repository. */
export interface ImageContext {
  /** The event's name, such as `push`. */
  event: string;
  /** `refs/heads/…`, `refs/tags/…` or `refs/pull/<number>/merge`. */
  ref: string;
  /** The commit in full, or empty. */
  sha: string;
  defaultBranch: string;
  /** The branch that a pull request goes into or a tag was made from, where the event tells it. */
  baseRef?: string | undefined;
  commitDate?: Date | undefined;
  repository: RepositoryFacts;
  runId?: string | undefined;
}

/** What the labels say of the repository. */
export interface RepositoryFacts {
  name: string;
  description?: string | undefined;
  /** Its page. */
  url: string;
  /** The SPDX identifier. */
  license?: string | undefined;
}

interface EventPayload {
  number?: number;
  base_ref?: string | null;
  repository?: {
    name?: string;
    description?: string | null;
    html_url?: string;
    license?: { spdx_id?: string | null } | null;
  };
  commits?: { id: string; timestamp: string }[];
  head_commit?: { id: string; timestamp: string } | null;
}

/**
 * Reads the context off the event. What an event does not tell, such as the licence, stays as `known` has it.
 * With `headSha` a pull request stands for the commit that was proposed, not for GitHub's trial merge of it.
 */
export function contextOf(
  github: GitHub,
  options: { headSha?: boolean; known?: Partial<RepositoryFacts>; commitDate?: Date | undefined } = {},
): ImageContext {
  const { event, serverUrl, repository: fullName = '', defaultBranch, runId } = github;
  const payload = github.payload as typeof github.payload & EventPayload;
  const pull = payload.pull_request;
  // On this event the runner's ref is the base branch, though the image is the pull request's.
  const ref = event === 'pull_request_target' && pull ? `refs/pull/${pull.number}/merge` : github.ref;
  const sha = (options.headSha && pull?.head.sha) || github.sha;
  const isTag = ref.startsWith('refs/tags/');
  const said = payload.repository;
  return {
    ...{ event, ref, sha, defaultBranch, runId },
    baseRef: isTag ? payload.base_ref?.replace(/^refs\/heads\//, '') : pull?.base.ref,
    commitDate: options.commitDate ?? commitDateIn(payload, sha),
    repository: {
      name: said?.name ?? fullName.split('/')[1] ?? '',
      description: said?.description ?? undefined,
      url: said?.html_url ?? (fullName && `${serverUrl}/${fullName}`),
      license: said?.license?.spdx_id ?? undefined,
      ...options.known,
    },
  };
}

/** A push carries its commits. */
function commitDateIn({ commits = [], head_commit }: EventPayload, sha: string): Date | undefined {
  const found = [...commits, ...(head_commit ? [head_commit] : [])].find(({ id }) => id === sha);
  return found && new Date(found.timestamp);
}
