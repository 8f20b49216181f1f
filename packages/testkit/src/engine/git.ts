import { devNull } from 'node:os';
import { command } from '@mlops/core/process';

/** Neither the user's nor the machine's git configuration decides what happens, and nothing asks for a password. */
export const isolatedGit = {
  GIT_CONFIG_GLOBAL: devNull,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_DIR: undefined,
  GIT_WORK_TREE: undefined,
  GIT_INDEX_FILE: undefined,
};

/** Runs git in a folder and gives what it prints, without the newline at the end. */
export async function git(
  folder: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<string> {
  const { stdout } = await command('git', ['-C', folder, ...args], { env: { ...isolatedGit, ...env } });
  return stdout.trimEnd();
}

/** What git prints, or nothing where it fails because the thing asked for is not there. */
export async function gitIfThere(folder: string, args: readonly string[]): Promise<string | undefined> {
  const { exitCode, stdout } = await command('git', ['-C', folder, ...args], {
    env: isolatedGit,
    tolerate: true,
  });
  return exitCode === 0 ? stdout.trimEnd() : undefined;
}
