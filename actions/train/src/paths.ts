import { posix } from 'node:path';

/**
 * How the paths of stages relate. Paths are relative to the working directory and written with `/`; an input may be a
 * pattern with `*`, `?`, `[…]`, `{a,b}` and `**`.
 */

/** What is wrong with a path by itself, as the end of a sentence. */
export function pathProblem(path: string, kind: 'input' | 'output'): string | undefined {
  if (!path.trim()) return 'a path is needed';
  if (path.includes('\\')) return "write paths with '/', on every platform";
  if (path.startsWith('/') || path.startsWith('~') || /^[A-Za-z]:/.test(path))
    return 'it is absolute; name it relative to the working directory';
  const normal = normalize(path);
  if (normal === '..' || normal.startsWith('../'))
    return "it leads out of the working directory; set 'working-directory' to a folder that holds it";
  if (kind === 'input') return undefined;
  if (normal === '.') return 'an output cannot be the whole working directory';
  if (isPattern(path)) return 'an output is a file or folder; name the folder instead of a pattern';
  return undefined;
}

/** `./a//b/` is `a/b`. */
export function normalize(path: string): string {
  return posix.normalize(path).replace(/(.)\/$/, '$1');
}

export function isPattern(path: string): boolean {
  return /[*?[{]/.test(path);
}

/**
 * How an input lies to an output:
 * - `within`: it is the output, or a part of it
 * - `around`: it is a folder that holds the output, or a pattern that could match something of it
 */
export function relation(input: string, output: string): 'within' | 'around' | undefined {
  const wanted = segments(input);
  const written = segments(output);
  for (let i = 0; ; i++) {
    const [pattern, name] = [wanted[i], written[i]];
    if (name === undefined) return wanted.slice(0, i).some(isPattern) ? 'around' : 'within';
    if (pattern === undefined || pattern === '**') return 'around';
    if (!couldMatch(pattern, name)) return undefined;
  }
}

/** Whether one path is the other or holds it. */
export function overlap(a: string, b: string): boolean {
  const [x, y] = [segments(a), segments(b)];
  return x.every((name, i) => i >= y.length || name === y[i]);
}

// Every input is held against every output, so each path is taken apart only once.
const taken = new Map<string, string[]>();

function segments(path: string): string[] {
  let parts = taken.get(path);
  if (!parts) {
    const normal = normalize(path);
    parts = normal === '.' ? [] : normal.split('/');
    taken.set(path, parts);
  }
  return parts;
}

/** Errs towards yes: brackets and braces may match anything. */
function couldMatch(pattern: string, name: string): boolean {
  if (!isPattern(pattern)) return pattern === name;
  if (/[[{]/.test(pattern)) return true;
  const literal = pattern.replace(/[.+^$()|\]}\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'u').test(name);
}
