import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A package as the locks of Poetry and Pipenv name it, in the terms of a requirements file. */
export interface LockedPackage {
  name: string;
  extras: readonly string[];
  /** What is installed: an exact version, any version, or what an address leads to (an archive, a commit, a folder). */
  source:
    | { version: string }
    | { url: string }
    | { git: string; commit: string; subfolder?: string }
    | { path: string; editable: boolean }
    | 'any';
  marker: string | undefined;
  /** `sha256:…`; empty for sources that have none, such as a commit. */
  hashes: readonly string[];
}

/** The line of a requirements file that installs exactly this package. */
export function requirementLine(locked: LockedPackage, folder: string): string {
  const { source, marker, hashes } = locked;
  const name = `${locked.name}${locked.extras.length ? `[${locked.extras.join(',')}]` : ''}`;
  const condition = marker ? ` ; ${marker}` : '';
  const hashed = hashes.map((hash) => ` \\\n    --hash=${hash}`).join('');
  if (source === 'any') return `${name}${condition}`;
  if ('version' in source) return `${name}==${source.version}${condition}${hashed}`;
  if ('url' in source) return `${name} @ ${source.url}${condition}${hashed}`;
  if ('git' in source) {
    const subfolder = source.subfolder ? `#subdirectory=${source.subfolder}` : '';
    return `${name} @ git+${source.git}@${source.commit}${subfolder}${condition}`;
  }
  const path = isAbsolute(source.path) ? source.path : resolve(folder, source.path);
  return `${source.editable ? '-e ' : `${name} @ `}${pathToFileURL(path).href}${condition}`;
}

/**
 * A marker with `extra == "x"` decided: a requirements file has no extras of its own. What is decided is spelled as a
 * comparison that is always true or always false.
 */
export function withExtras(marker: string, extras: ReadonlySet<string>): string {
  return marker.replace(
    /\bextra\s*(==|!=)\s*(["'])([^"']+)\2/g,
    (_, operator: string, __, name: string) =>
      `python_version ${extras.has(name) === (operator === '==') ? '>=' : '<'} "2"`,
  );
}
