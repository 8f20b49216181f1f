import { glob, stat } from 'node:fs/promises';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { UserError } from '@mlops/core';

/** Never served, whatever `include` says: caches, environments and version control. */
const leftOut = new Set([
  '.git',
  '.venv',
  'venv',
  '__pycache__',
  '.pytest_cache',
  '.ruff_cache',
  '.mypy_cache',
  'node_modules',
]);

/**
 * The files that patterns (files, folders or globs) name below `root`: POSIX paths relative to it, sorted, without
 * duplicates. A pattern that names nothing, or something outside the root, is an error.
 */
export async function expand(root: string, patterns: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const files = await filesOf(root, pattern);
    if (files.length === 0)
      throw new UserError(`'${pattern}' matches no file in '${root}'`, {
        advice:
          "Check the inputs 'model' and 'include' of package; both are relative to the working directory.",
      });
    for (const file of files) found.add(file);
  }
  return [...found].sort((a, b) => (a < b ? -1 : 1));
}

async function filesOf(root: string, pattern: string): Promise<string[]> {
  if (isAbsolute(pattern) || relative(root, resolve(root, pattern)).startsWith('..'))
    throw new UserError(`'${pattern}' lies outside the working directory`, {
      advice: 'Name files by a path below it.',
    });
  const at = await stat(join(root, pattern)).catch(() => undefined);
  const globbed = at?.isDirectory() ? `${pattern.replace(/[\\/]+$/, '')}/**` : pattern;
  const files: string[] = [];
  for await (const entry of glob(globbed, {
    cwd: root,
    withFileTypes: true,
    exclude: ({ name }) => leftOut.has(name),
  })) {
    if (!entry.isFile() || entry.name.endsWith('.pyc')) continue;
    files.push(relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'));
  }
  return files;
}
