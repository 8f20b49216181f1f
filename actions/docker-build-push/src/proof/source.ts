import { lstatSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { hashText, openHasher } from '@mlops/core/hash';
import { CommandError, command } from '@mlops/core/process';
import { type TreeEntry, treeDigest } from './tree-digest.ts';

/** The code of a working copy. */
export interface Source {
  /** Where it was cloned from, without credentials; null where git knows no `origin`. */
  uri: string | null;
  commit: string;
  /** Git's id of the commit's tree. */
  tree: string;
  /** Whether tracked files differ from the commit. */
  dirty: boolean;
  /**
   * Of all files that git tracks, as they lie there: names and contents by core's tree digest. Submodules count by the
   * commit's tree only; what a sparse checkout leaves out does not count.
   */
  files: { digest: string; count: number };
}

/** Reads the working copy that a folder lies in; undefined where it lies in none, or nothing is committed yet. */
export async function readSource(
  folder: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<Source | undefined> {
  const ask = async (...args: string[]) => (await command('git', args, { cwd: folder, signal })).stdout;
  const known = await ask('rev-parse', '--show-toplevel', 'HEAD', 'HEAD^{tree}').catch((error: unknown) => {
    const said = error instanceof CommandError ? error.result.stderrTail.join('\n') : '';
    if (/not a git repository|unknown revision/.test(said)) return undefined;
    throw error;
  });
  if (known === undefined) return undefined;
  const [root = folder, commit = '', tree = ''] = known.split('\n');
  const changes = await ask('status', '--porcelain', '--untracked-files=no');
  return {
    ...{ uri: await originOf(folder, signal), commit, tree, dirty: changes !== '' },
    files: await digestOfFiles(root, signal),
  };
}

/** Tracked files that differ from the commit, for people; empty where that commit is not here. */
export async function changedFiles(
  folder: string,
  commit: string,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<string[]> {
  const { exitCode, stdout } = await command('git', ['diff', '--name-only', '-z', commit, '--'], {
    ...{ cwd: folder, signal, tolerate: true },
  });
  return exitCode === 0 ? stdout.split('\0').filter(Boolean) : [];
}

async function digestOfFiles(root: string, signal: AbortSignal | undefined): Promise<Source['files']> {
  const { stdout } = await command('git', ['ls-files', '-z', '--stage', '-t'], { cwd: root, signal });
  const tracked = stdout
    .split('\0')
    .map((line) => /^(\S) (\d+) [0-9a-f]+ \d\t(.+)$/s.exec(line))
    // 160000 is a submodule, S what a sparse checkout leaves out.
    .flatMap((match) => (match?.[3] && match[1] !== 'S' && match[2] !== '160000' ? [match[3]] : []));
  const files: string[] = [];
  const entries: TreeEntry[] = [];
  for (const path of new Set(tracked)) {
    const found = lstatSync(join(root, path), { throwIfNoEntry: false });
    if (found?.isSymbolicLink())
      entries.push({ kind: 'link', path, digest: hashText(readlinkSync(join(root, path))) });
    else if (found?.isFile()) files.push(path);
  }
  const hasher = await openHasher({ signal });
  try {
    for (const { path, digest } of await hasher.paths(root, files))
      entries.push({ kind: 'file', path, digest });
    return { digest: treeDigest(entries), count: entries.length };
  } finally {
    await hasher.close();
  }
}

async function originOf(folder: string, signal: AbortSignal | undefined): Promise<string | null> {
  const { exitCode, stdout } = await command('git', ['config', '--get', 'remote.origin.url'], {
    ...{ cwd: folder, signal, tolerate: true },
  });
  if (exitCode !== 0 || !stdout) return null;
  if (!URL.canParse(stdout)) return stdout.replace(/^[^@/]+@/, '');
  const url = new URL(stdout);
  url.username = '';
  url.password = '';
  return url.href;
}
