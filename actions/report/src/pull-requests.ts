import type { GitHub } from '@mlops/core';
import type { GitHubApi } from '@mlops/core/github-api';

interface Wanted {
  /** Which runs are commented on. */
  when: 'auto' | 'always' | 'on-change' | 'on-failure' | 'never';
  /** Number that was given. */
  number: number | undefined;
}

/**
 * The pull requests that this run's report belongs to: the one that was named, else the event's, else, where that is
 * wanted, the open ones whose newest commit this run is of.
 */
export async function pullRequestsOf(
  { payload, sha }: Pick<GitHub, 'payload' | 'sha'>,
  { when, number }: Wanted,
  place: { owner: string; repo: string },
  api: GitHubApi,
): Promise<number[]> {
  const known = number ?? payload.pull_request?.number;
  if (known !== undefined) return [known];
  if (when === 'auto') return [];
  const ofCommit = await api.paginate(api.rest.repos.listPullRequestsAssociatedWithCommit, {
    ...place,
    commit_sha: sha,
    per_page: 100,
  });
  const open = ofCommit.filter(({ state, head }) => state === 'open' && head.sha === sha);
  if (open.length === 0) console.log(`No comment: ${sha} is the newest commit of no open pull request.`);
  return open.map((pull) => pull.number);
}

/** Why the token of this run can only read, whatever a workflow grants; undefined where it is as granted. */
export function whyReadOnly({
  event,
  isFork,
  actor,
}: Pick<GitHub, 'event' | 'isFork' | 'actor'>): string | undefined {
  if (event !== 'pull_request') return undefined;
  if (isFork) return 'A run for a pull request from a fork can only read';
  if (actor === 'dependabot[bot]') return 'A run for a pull request by Dependabot can only read';
  return undefined;
}
