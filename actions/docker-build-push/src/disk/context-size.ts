import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import dockerignore from '@balena/dockerignore';

/** What a build's context weighs. */
export interface ContextSize {
  bytes: number;
  files: number;
  /** The largest files and folders of its root, at most five, the largest first. */
  largest: { path: string; bytes: number }[];
}

/**
 * The bytes of a context as BuildKit may transfer them: what its ignore file leaves, links not followed. BuildKit takes
 * still less where a Dockerfile names single paths, so this is an upper bound.
 *
 * @param rules the ignore file's contents: https://docs.docker.com/build/concepts/context/#dockerignore-files.
 */
export async function contextSize(root: string, rules: string, signal: AbortSignal): Promise<ContextSize> {
  const ignores = ignoring(rules);
  const exceptions = rules.split(/\r?\n/).flatMap((line) => /^\s*!\s*\/?(.+?)\/?\s*$/.exec(line)?.[1] ?? []);
  let files = 0;
  const sizeOf = async (folder: string): Promise<number> => {
    signal.throwIfAborted();
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch(() => []);
    const sizes = await Promise.all(
      entries.map(async (entry) => {
        const path = folder ? `${folder}/${entry.name}` : entry.name;
        if (entry.isDirectory()) return ignores(path) && !mayHold(path, exceptions) ? 0 : sizeOf(path);
        if (!entry.isFile() || ignores(path)) return 0;
        files += 1;
        return (await lstat(join(root, path)).catch(() => ({ size: 0 }))).size;
      }),
    );
    if (!folder) largest = entries.map(({ name }, index) => ({ path: name, bytes: sizes[index] ?? 0 }));
    return sizes.reduce((sum, size) => sum + size, 0);
  };
  let largest: ContextSize['largest'] = [];
  const bytes = await sizeOf('');
  return {
    bytes,
    files,
    largest: largest
      .filter((each) => each.bytes > 0)
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, 5),
  };
}

function ignoring(rules: string): (path: string) => boolean {
  try {
    const matcher = dockerignore().add(rules);
    matcher.ignores('a');
    return (path) => matcher.ignores(path);
  } catch {
    // A pattern that BuildKit refuses, too, and says so; until then everything counts.
    return () => false;
  }
}

/** Whether something below an ignored folder may be excepted from that. */
function mayHold(folder: string, exceptions: readonly string[]): boolean {
  return exceptions.some((each) => each.startsWith(`${folder}/`) || /[*?[\\]/.test(each));
}
