import { UserError } from '@mlops/core';
import type { Selection } from '../selection.ts';
import type { LockedPackage } from './locked-package.ts';

/** An entry of Pipfile.lock (https://pipenv.pypa.io/en/latest/pipfile.html). */
interface Entry {
  version?: string;
  hashes?: string[];
  markers?: string;
  extras?: string[];
  git?: string;
  ref?: string;
  subdirectory?: string;
  path?: string;
  file?: string;
  editable?: boolean;
}
interface Lock {
  _meta?: { sources?: { name: string; url: string }[] };
  [category: string]: Record<string, Entry> | unknown;
}

/** The packages that `pipenv sync` would install, with the categories that are asked for beside the default one. */
export function readPipfileLock(
  text: string,
  selection: Selection,
  file: string,
): { packages: LockedPackage[]; indexes: string[] } {
  const lock = parseLock(text, file);
  const categories = Object.keys(lock).filter((key) => key !== '_meta');
  const chosen = ['default', ...selection.groups.map((group) => categoryOf(group, categories, file))];
  const excluded = new Set(selection.excludeGroups);
  // Later categories repeat packages of the default one; the first entry counts, and they are locked together.
  const entries = new Map<string, Entry>();
  for (const category of chosen.filter((name) => !excluded.has(name)))
    for (const [name, entry] of Object.entries(lock[category] ?? {}))
      if (!entries.has(name)) entries.set(name, entry as Entry);
  return {
    packages: [...entries].flatMap(([name, entry]) => locked(name, entry, file)),
    // The source named pypi is the default index, which may be any mirror on this machine.
    indexes: (lock._meta?.sources ?? [])
      .filter(({ name }) => name !== 'pypi')
      .map(({ url }) => url.replace(/\$\{?(\w+)\}?/g, (_, variable: string) => process.env[variable] ?? '')),
  };
}

function parseLock(text: string, file: string): Lock {
  try {
    return JSON.parse(text) as Lock;
  } catch (error) {
    throw new UserError(`not valid JSON: ${(error as Error).message}`, { file, line: 1, cause: error });
  }
}

function categoryOf(group: string, categories: readonly string[], file: string): string {
  const category = group === 'dev' || group === 'dev-packages' ? 'develop' : group;
  if (categories.includes(category)) return category;
  throw new UserError(`input groups: '${group}' is no category of Pipfile.lock`, {
    file,
    line: 1,
    advice: `It has ${categories.join(', ') || 'none'}.`,
  });
}

function locked(name: string, entry: Entry, file: string): LockedPackage[] {
  const common = { name, extras: entry.extras ?? [], marker: entry.markers, hashes: entry.hashes ?? [] };
  if (entry.git)
    return [
      {
        ...common,
        source: {
          git: entry.git,
          commit: entry.ref ?? 'HEAD',
          ...(entry.subdirectory ? { subfolder: entry.subdirectory } : {}),
        },
      },
    ];
  if (entry.path) return [{ ...common, source: { path: entry.path, editable: entry.editable === true } }];
  if (entry.file)
    return [
      {
        ...common,
        source: /^\w+:\/\//.test(entry.file) ? { url: entry.file } : { path: entry.file, editable: false },
      },
    ];
  const version = /^==([^*]+)$/.exec(entry.version ?? '')?.[1];
  if (version) return [{ ...common, source: { version } }];
  // Pipenv locks no version of what the platform it ran on does not need, and takes the newest elsewhere.
  if (entry.version === '*' && entry.markers) return [{ ...common, source: 'any' }];
  throw new UserError(`Pipfile.lock locks ${name} to no version`, {
    file,
    line: 1,
    advice: "Run 'pipenv lock' and commit the result.",
  });
}
