import { execFile } from 'node:child_process';
import { posix, relative, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { type GitHub, messageOf, retry, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import { gitFailure, originOf, ScratchRepository } from '@mlops/core/record';

export interface Commit {
  id: string;
  /** The file at a path relative to the working directory, or all files of the folder there, named as `path` is. */
  files(path: string): Promise<{ name: string; content: () => Promise<Buffer> }[]>;
}

interface Where {
  github: GitHub;
  workingDirectory: string;
  token: string | undefined;
  signal: AbortSignal;
}

/**
 * Hands a commit, tag or branch to `fn`. What the checkout does not have is fetched into a repository of its own: the
 * user's stays as it is, also where it is shallow, and a checkout without credentials will do.
 */
export async function atCommit<T>(ref: string, where: Where, fn: (commit: Commit) => Promise<T>): Promise<T> {
  const { github, workingDirectory, signal } = where;
  const here: Git = {
    run: async (args) => (await command('git', args, { cwd: workingDirectory, signal })).stdout.trim(),
    content: async (blob) => {
      const options = { cwd: workingDirectory, signal, encoding: 'buffer', maxBuffer: mostBytes } as const;
      return (await promisify(execFile)('git', ['cat-file', 'blob', blob], options)).stdout;
    },
  };
  const prefix = await here
    .run(['rev-parse', '--show-prefix'])
    .catch(() => `${posixPath(relative(github.workspace, workingDirectory))}/`);
  const inTree = (path: string) =>
    posix.join(prefix, posixPath(relative(workingDirectory, resolve(workingDirectory, path))));

  const local = await idOf(ref, here).catch(() => undefined);
  if (local) return fn(commitIn(here, local, inTree));
  return ScratchRepository.use(
    await originOf(github, workingDirectory, where.token),
    signal,
    async (scratch) => {
      await fetch(ref, scratch, signal);
      return fn(commitIn(scratch, await idOf('FETCH_HEAD', scratch), inTree));
    },
  );
}

function posixPath(path: string): string {
  return path.split(sep).join('/');
}

type Git = Pick<ScratchRepository, 'run' | 'content'>;

/** The largest file that Node.js holds in one piece. */
const mostBytes = 2 ** 31;

function idOf(ref: string, git: Git): Promise<string> {
  return git.run(['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`]);
}

async function fetch(ref: string, git: Git, signal: AbortSignal): Promise<void> {
  await retry(
    () => git.run(['fetch', '--quiet', '--no-tags', '--depth=1', '--filter=blob:none', '--', 'origin', ref]),
    {
      what: `fetching '${ref}'`,
      attempts: 4,
      signal,
      retryable: (error) => gitFailure(error) === 'other' && !isUnknown(error),
    },
  ).catch((error: unknown) => {
    signal.throwIfAborted();
    if (isUnknown(error))
      throw new UserError(`the baseline 'git:${ref}' is no commit, tag or branch of this repository`, {
        cause: error,
        advice:
          "Check the input 'baseline'. Forms such as 'main~1' and shortened commit ids are understood where the checkout holds them: 'fetch-depth: 0'.",
      });
    throw new UserError(`the baseline 'git:${ref}' could not be fetched: ${messageOf(error)}`, {
      cause: error,
      advice:
        gitFailure(error) === 'denied'
          ? "Grant 'permissions: contents: read' to the job, and pass its token."
          : 'Run the job again once the remote can be reached.',
    });
  });
}

function isUnknown(error: unknown): boolean {
  return /couldn't find remote ref|invalid refspec|not our ref|not a valid ref/i.test(messageOf(error));
}

function commitIn(git: Git, id: string, inTree: (path: string) => string): Commit {
  return {
    id,
    async files(path) {
      const place = inTree(path);
      const entries = (await git.run(['ls-tree', '-r', '--full-tree', '-z', id, '--', place])).split('\0');
      return entries.flatMap((entry) => {
        const [, blob, found] = /^\d+ blob (\w+)\t(.+)$/s.exec(entry) ?? [];
        if (!blob || !found) return [];
        const below = posix.relative(place, found);
        return [
          { name: below ? posix.join(posixPath(path), below) : path, content: () => git.content(blob) },
        ];
      });
    },
  };
}
