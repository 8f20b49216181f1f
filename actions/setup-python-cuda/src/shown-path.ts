import { relative, sep } from 'node:path';

/** A path as people write it: from a folder above it, with slashes on every platform. */
export function shownFrom(folder: string, path: string): string {
  return relative(folder, path).split(sep).join('/');
}
