import { join, posix } from 'node:path';
import { annotate, retry, UserError } from '@mlops/core';
import { CommandError } from '@mlops/core/process';
import { gitFailure, gitWords, type Remote, ScratchRepository } from '@mlops/core/record';
import { generator } from '@mlops/report/dashboard';

/** Where a page is published. */
export interface Place {
  branch: string;
  /** Of the page, from the branch's root. */
  path: string;
}

/** How the messages of our commits begin; one of these at the tip is replaced, and everybody else's stays. */
const ours = 'Publish the dashboard to ';

/**
 * @throws UserError for a folder outside of the branch, a name that no branch may have, and the branch of the records,
 * which must not be rewritten
 */
export function checkedPlace({
  pagesBranch: branch,
  pagesFolder: folder,
  recordsBranch,
}: {
  pagesBranch: string;
  pagesFolder: string;
  recordsBranch: string;
}): Place {
  const path = posix.normalize(`${folder.replaceAll('\\', '/')}/index.html`);
  if (/^\/|^\.\.\/|^[a-z]:|(^|\/)\.git(\/|$)/i.test(path))
    throw new UserError(`input pages-folder: '${folder}' is not a folder of a branch`, {
      advice: "Give a path below the branch's root, such as 'dashboard', or '.' for the root.",
    });
  if (!/^(?!-|\/)(?!.*(?:\.\.|\/\/|@\{|\.lock$|[/.]$))[^\s~^:?*[\\\p{Cc}]+$/u.test(branch))
    throw new UserError(`input pages-branch: '${branch}' is not a name of a branch`, {
      advice: "Give a branch's name, such as 'gh-pages'.",
    });
  if (branch === recordsBranch)
    throw new UserError(`input pages-branch: '${branch}' is the branch of the records`, {
      advice: "Publish to a branch of its own, such as 'gh-pages'.",
    });
  return { branch, path };
}

/**
 * Puts the page on its branch and leaves all else there as it is. The commit replaces the one of the last time instead of
 * following it, so that the branch does not grow by a page a day. Answers whether it was pushed: without permission to,
 * a notice says so.
 *
 * @throws UserError when a page that is no dashboard would be written over, or the remote cannot be reached
 */
export async function publishPage(
  page: string,
  place: Place,
  remote: Remote,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    await ScratchRepository.use(remote, signal, (git) =>
      retry(() => push(page, place, git, signal), {
        ...{ what: 'publishing the dashboard', attempts: 20, deadlineMs: 120_000, pauseMs: 200, signal },
        retryable: (error) => gitFailure(error) === 'moved',
      }),
    );
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof CommandError)) throw error;
    if (gitFailure(error) !== 'denied')
      throw new UserError(
        `the dashboard could not be published to the branch '${place.branch}': ${gitWords(error)}`,
        { cause: error, advice: 'Run the job again once the remote can be reached.' },
      );
    annotate(
      'notice',
      `The dashboard is not published: the token may not push to the branch '${place.branch}' (${gitWords(error)}). Grant 'permissions: contents: write' to the job, or exempt the branch from what protects it; or set 'publish: none'.`,
    );
    return false;
  }
  console.log(`Published as ${place.path} on ${place.branch}.`);
  return true;
}

async function push(
  page: string,
  { branch, path }: Place,
  git: ScratchRepository,
  signal: AbortSignal | undefined,
): Promise<void> {
  const ref = `refs/heads/${branch}`;
  const tip = await fetchTip(git, ref, signal);
  const said = tip ? await git.run(['log', '-1', '--format=%s', tip]) : '';
  if (tip && said !== ours + path) await requireDashboard(git, tip, { branch, path });

  const index = { GIT_INDEX_FILE: join(git.folder, 'pages-index') };
  await git.run(tip ? ['read-tree', tip] : ['read-tree', '--empty'], undefined, index);
  // Without this file GitHub would have Jekyll leave out what begins with an underscore, and take longer.
  for (const [file, content] of [
    [path, page],
    ['.nojekyll', ''],
  ] as const) {
    const blob = await git.run(['hash-object', '-w', '--stdin'], content);
    await git.run(['update-index', '--add', '--cacheinfo', `100644,${blob},${file}`], undefined, index);
  }
  // The other files' contents were never fetched and need not be.
  const tree = await git.run(['write-tree', '--missing-ok'], undefined, index);
  const parents = tip && said.startsWith(ours) ? await parentsOf(git, tip) : tip ? [tip] : [];
  const commit = await git.run([
    ...['commit-tree', tree, '-m', ours + path],
    ...parents.flatMap((parent) => ['-p', parent]),
  ]);
  await git.run(['push', '--quiet', `--force-with-lease=${ref}:${tip ?? ''}`, 'origin', `${commit}:${ref}`]);
}

/** The branch's tip, with its parents; undefined when there is no such branch yet. */
async function fetchTip(
  git: ScratchRepository,
  ref: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const args = ['fetch', '--quiet', '--no-tags', '--depth=2', '--filter=blob:none', 'origin'];
  try {
    await retry(() => git.run([...args, `+${ref}:refs/pages`]), {
      what: 'fetching the branch for GitHub Pages',
      attempts: 4,
      signal,
      retryable: (error) => gitFailure(error) === 'other',
    });
    return await git.run(['rev-parse', 'refs/pages']);
  } catch (error) {
    if (gitFailure(error) === 'no-branch') return undefined;
    throw error;
  }
}

async function parentsOf(git: ScratchRepository, commit: string): Promise<string[]> {
  return (await git.run(['rev-parse', `${commit}^@`])).split('\n').filter(Boolean);
}

/** @throws UserError when the page would take the place of one that somebody else has made */
async function requireDashboard(git: ScratchRepository, tip: string, { branch, path }: Place): Promise<void> {
  if (!(await git.run(['ls-tree', tip, '--', path]))) return;
  const page = await git.run(['cat-file', '-p', `${tip}:${path}`]);
  if (page.includes(`<meta name="generator" content="${generator}">`)) return;
  throw new UserError(`'${path}' on the branch '${branch}' is no dashboard, and would be written over`, {
    advice: "Name another folder by the input 'pages-folder', or remove that file from the branch.",
  });
}
