import { readdirSync, statSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { basename, dirname, isAbsolute, relative, resolve } from 'node:path';
import { UserError } from '../errors.ts';
import { nearest } from '../nearest.ts';
import { compareNames, isWithin, toPosix } from './walk.ts';

/** Something that a pattern names: relative to the root with `/`, or absolute where the pattern was. */
export interface Match {
  path: string;
  kind: 'file' | 'tree';
}

/**
 * The files and folders that the patterns name, each once, sorted; what lies inside a folder that is named as a whole
 * is not listed again. A path that exists is taken literally, whatever characters it has. In a pattern `*`, `?`,
 * `[…]`, `{a,b}` and `**` mean what node:fs glob says; `*` does not match a leading dot.
 * @throws UserError for a pattern that matches nothing
 */
export async function matchPaths(root: string, patterns: readonly string[]): Promise<Match[]> {
  const found = new Map<string, Match>();
  for (const pattern of patterns) {
    const matches = pattern === '' ? [] : await expand(root, pattern);
    if (matches.length === 0) throw nothing(root, pattern);
    for (const match of matches) {
      const absolute = resolve(root, match);
      const kind = statSync(absolute, { throwIfNoEntry: false })?.isDirectory() ? 'tree' : 'file';
      const path = isAbsolute(pattern) ? absolute : relative(root, absolute) || '.';
      found.set(absolute, { path: toPosix(path), kind });
    }
  }
  const trees = [...found].flatMap(([absolute, { kind }]) => (kind === 'tree' ? [absolute] : []));
  return [...found]
    .filter(([absolute]) => !trees.some((tree) => tree !== absolute && isWithin(absolute, tree)))
    .map(([, match]) => match)
    .sort((a, b) => compareNames(a.path, b.path));
}

async function expand(root: string, pattern: string): Promise<string[]> {
  if (statSync(resolve(root, pattern), { throwIfNoEntry: false })) return [pattern];
  const matches: string[] = [];
  for await (const match of glob(pattern, { cwd: root })) matches.push(match);
  return matches;
}

function nothing(root: string, pattern: string): UserError {
  const isPattern = /[*?[{]/.test(pattern);
  let missing = resolve(root, pattern);
  while (
    dirname(missing) !== missing &&
    !statSync(dirname(missing), { throwIfNoEntry: false })?.isDirectory()
  ) {
    missing = dirname(missing);
  }
  const folder = dirname(missing);
  const shown = toPosix(relative(root, folder)) || '.';
  const near = nearest(basename(missing), readdirSync(folder));
  const suggestion = near && !isPattern ? ` Did you mean '${shown === '.' ? '' : `${shown}/`}${near}'?` : '';
  return new UserError(
    isPattern ? `the pattern '${pattern}' matches nothing` : `'${pattern}' does not exist`,
    { advice: `The nearest folder that exists is '${shown}' (below '${root}').${suggestion}` },
  );
}
