import { resolve } from 'node:path';
import { UserError } from '@mlops/core';
import { type CommandOptions, command } from '@mlops/core/process';

/** Runs git in a checkout with the user's configuration, which knows their credentials; gives what it prints. */
export async function git(
  root: string,
  args: readonly string[],
  options: Pick<CommandOptions, 'env' | 'input'> = {},
): Promise<string> {
  const env = { GIT_TERMINAL_PROMPT: '0', LC_ALL: 'C', ...options.env };
  const { stdout } = await command('git', args, { ...options, cwd: root, env });
  return stdout.trimEnd();
}

/** Whether a git command that answers by its exit code says yes. */
export async function gitAgrees(root: string, args: readonly string[]): Promise<boolean> {
  return (await command('git', args, { cwd: root, tolerate: true })).exitCode === 0;
}

/** Files of the working tree that git tracks or would track, with forward slashes, sorted. */
export async function sourceFiles(root: string): Promise<string[]> {
  const list = async (...which: string[]) =>
    (await git(root, ['ls-files', '-z', ...which])).split('\0').filter(Boolean);
  const [known, deleted] = await Promise.all([
    list('--cached', '--others', '--exclude-standard'),
    list('--deleted'),
  ]);
  const gone = new Set(deleted);
  return [...new Set(known)].filter((path) => !gone.has(path)).sort();
}

/** Refuses a working tree that differs from HEAD: a release must be what was reviewed and can be built again. */
export async function requireClean(root: string): Promise<void> {
  const changes = (await git(root, ['status', '--porcelain', '--untracked-files=all']))
    .split('\n')
    .filter(Boolean);
  if (!changes.length) return;
  const shown = changes.slice(0, 10).map((line) => `  ${line}`);
  const more = changes.length - shown.length;
  throw new UserError(
    `the working tree of '${resolve(root)}' differs from HEAD:\n${shown.join('\n')}${more > 0 ? `\n  and ${more} more` : ''}`,
    { advice: 'Commit these changes or take them away; a release is built from a commit.' },
  );
}
