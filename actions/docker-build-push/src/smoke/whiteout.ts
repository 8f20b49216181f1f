import { basename, dirname } from 'node:path';

export interface Whiteout {
  /** Without a slash at either end; `''` is the root. */
  path: string;
  /** `opaque`: what the folder `path` has; `entry`: `path` itself. */
  kind: 'entry' | 'opaque';
}

/**
 * What an entry of a layer deletes of those below, by its name; undefined where it is a file like any other.
 * https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts
 */
export function whiteoutOf(name: string): Whiteout | undefined {
  const path = plainPath(name);
  const file = basename(path);
  if (!file.startsWith('.wh.')) return undefined;
  const folder = dirname(path) === '.' ? '' : dirname(path);
  if (file === '.wh..wh..opq') return { path: folder, kind: 'opaque' };
  // Others that begin so are left over from a union file system and mean nothing.
  if (file.startsWith('.wh..wh.')) return undefined;
  const deleted = file.slice('.wh.'.length);
  return deleted ? { path: folder ? `${folder}/${deleted}` : deleted, kind: 'entry' } : undefined;
}

/** `./usr//bin/` is `usr/bin`. */
export function plainPath(name: string): string {
  return name
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
}
