import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { git } from './git.ts';

/** Contents by path, relative to the repository, or a folder to copy them from. */
export type Files = Readonly<Record<string, string | Uint8Array>> | string;

export interface TemporaryRepositoryOptions {
  /** Default `main`. */
  branch?: string;
  /** Whether to make a bare repository beside it, reached over file://, that `origin` names and the commit is pushed to. */
  origin?: boolean;
}

export interface TemporaryRepository {
  path: string;
  /** The bare repository's folder, where one was asked for. */
  origin: string | undefined;
  /** Adds files to the working tree, commits everything and gives the commit's hash. Nothing is pushed. */
  commit(message: string, files?: Files): Promise<string>;
  /** Runs git in the repository and gives what it prints. */
  git(...args: string[]): Promise<string>;
  close(): Promise<void>;
}

const identity = {
  GIT_AUTHOR_NAME: 'Ada Example',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada Example',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
};
const firstCommitMs = Date.UTC(2026, 0, 1);
const minuteMs = 60_000;

/** A new git repository with one commit. The same files always give the same commit hashes: author and dates are fixed. */
export async function temporaryRepository(
  files: Files,
  { branch = 'main', origin: wantsOrigin = false }: TemporaryRepositoryOptions = {},
): Promise<TemporaryRepository> {
  const folder = await mkdtemp(join(tmpdir(), 'mlops-repository-'));
  const path = join(folder, 'repository');
  const origin = wantsOrigin ? join(folder, 'origin.git') : undefined;
  let commits = 0;

  const commit = async (message: string, added: Files = {}) => {
    await put(added, path);
    const date = new Date(firstCommitMs + minuteMs * commits++).toISOString();
    await git(path, ['add', '--all']);
    await git(path, ['commit', '--quiet', '--allow-empty', '--message', message], {
      ...identity,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_DATE: date,
    });
    return await git(path, ['rev-parse', 'HEAD']);
  };

  await mkdir(path);
  await git(path, ['init', '--quiet', `--initial-branch=${branch}`]);
  await git(path, ['config', 'core.autocrlf', 'false']);
  await commit('Start', files);
  if (origin) {
    await git(folder, ['init', '--quiet', '--bare', `--initial-branch=${branch}`, origin]);
    await git(path, ['remote', 'add', 'origin', pathToFileURL(origin).href]);
    await git(path, ['push', '--quiet', '--set-upstream', 'origin', branch]);
    await git(path, ['remote', 'set-head', 'origin', branch]);
  }
  return {
    path,
    origin,
    commit,
    git: (...args) => git(path, args, identity),
    close: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

async function put(files: Files, path: string): Promise<void> {
  if (typeof files === 'string') {
    await cp(files, path, { recursive: true, filter: (source) => basename(source) !== '.git' });
    return;
  }
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), content);
  }
}
