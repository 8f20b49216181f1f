import { existsSync } from 'node:fs';
import { glob, readdir, realpath, stat } from 'node:fs/promises';
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
 * duplicates. A path that exists is taken literally. A symbolic link counts as what it leads to, wherever that is, so
 * that an archive of plain files holds all of it. A pattern that names nothing, or something outside the root, is an
 * error.
 */
export async function expand(root: string, patterns: readonly string[]): Promise<string[]> {
  const found = new Set<string>();
  for (const pattern of patterns) {
    const named = await pathsOf(root, pattern);
    const files = (await Promise.all(named.map((path) => filesBelow(root, path)))).flat();
    for (const file of files) found.add(file.split(sep).join('/'));
    if (files.length === 0) throw nothing(root, pattern, named);
  }
  return [...found].sort((a, b) => (a < b ? -1 : 1));
}

/** A path relative to the root, which it may not leave. */
export function inside(root: string, path: string): string {
  const found = relative(root, resolve(root, path));
  if (found !== '..' && !found.startsWith(`..${sep}`) && !isAbsolute(found)) return found || '.';
  throw new UserError(`'${path}' lies outside the working directory`, {
    advice: `Name files by a path below '${root}'.`,
  });
}

async function pathsOf(root: string, pattern: string): Promise<string[]> {
  const path = inside(root, pattern);
  if (existsSync(join(root, path))) return isLeftOut(path) ? [] : [path];
  const paths: string[] = [];
  const options = {
    cwd: root,
    withFileTypes: true,
    exclude: ({ name }: { name: string }) => leftOut.has(name),
  } as const;
  for await (const { parentPath, name } of glob(isAbsolute(pattern) ? path : pattern, options)) {
    const match = inside(root, join(parentPath, name));
    if (!isLeftOut(match)) paths.push(match);
  }
  return paths;
}

function isLeftOut(path: string): boolean {
  return path.endsWith('.pyc') || path.split(sep).some((part) => leftOut.has(part));
}

async function filesBelow(root: string, path: string, above: readonly string[] = []): Promise<string[]> {
  const at = join(root, path);
  const found = await stat(at).catch((error: unknown) => {
    throw new UserError(`'${path}' is a symbolic link that leads to nothing`, {
      cause: error,
      advice: 'Remove the link, or make what it leads to available.',
    });
  });
  if (found.isFile()) return [path];
  if (!found.isDirectory())
    throw new UserError(`'${path}' is a pipe, socket or device, which cannot be packed`, {
      advice: 'Name files and folders of files only.',
    });
  const real = await realpath(at);
  if (above.some((folder) => folder === real || folder.startsWith(real + sep)))
    throw new UserError(`the symbolic link '${path}' leads to a folder that contains it`, {
      advice: 'Remove the link: an archive would never end.',
    });
  const files: string[] = [];
  for (const child of await readdir(at)) {
    const inner = path === '.' ? child : join(path, child);
    if (!isLeftOut(child)) files.push(...(await filesBelow(root, inner, [...above, real])));
  }
  return files;
}

function nothing(root: string, pattern: string, named: readonly string[]): UserError {
  const what = named.length ? 'holds no file that would be served' : `matches no file in '${root}'`;
  return new UserError(`'${pattern}' ${what}`, {
    advice: `Check the input 'include' of package: it holds one item a line or a YAML list, relative to the working directory; ${[...leftOut].join(', ')} are always left out.`,
  });
}
