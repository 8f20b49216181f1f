import type { ImageContext } from './context.ts';
import { dateFunction, type Values } from './templates.ts';

/** How many characters of a commit are shown. */
export const shortShaLength = 7;

/** The expressions that every template may use. */
export function globalValues(
  context: ImageContext,
  {
    now,
    shaLength = shortShaLength,
    warn,
  }: { now: Date; shaLength?: number | undefined; warn: (message: string) => void },
): Values {
  const { ref, sha, baseRef } = context;
  const isDefault = isDefaultBranch(context);
  return {
    branch: refIn('refs/heads/', ref) ?? '',
    tag: refIn('refs/tags/', ref) ?? '',
    sha: sha.slice(0, shaLength),
    base_ref: (!ref.startsWith('refs/heads/') && baseRef) || '',
    is_default_branch: String(isDefault),
    is_not_default_branch: String(!isDefault),
    date: dateFunction('date', now, warn),
    commit_date: dateFunction('commit_date', context.commitDate ?? now, warn),
  };
}

/** What follows the prefix; undefined for another kind of ref. */
export function refIn(prefix: string, ref: string): string | undefined {
  return ref.startsWith(prefix) ? ref.slice(prefix.length) : undefined;
}

/** These events always stand for the last commit of the default branch. */
const onDefaultBranch = /create|discussion|issues|schedule/;

function isDefaultBranch({ ref, event, defaultBranch }: ImageContext): boolean {
  const branch = ref.replace(/^refs\/heads\//, '');
  return branch !== '' && (branch === defaultBranch || onDefaultBranch.test(event));
}
