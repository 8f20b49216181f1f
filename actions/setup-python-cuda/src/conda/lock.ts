import { UserError } from '@mlops/core';
import type { Selection } from '../selection.ts';

/** What of conda-lock.yml is read (https://conda.github.io/conda-lock/, version 1 of its format). */
interface Lock {
  version?: string;
  metadata?: { platforms?: string[] };
  package?: {
    name: string;
    version: string;
    manager: 'conda' | 'pip';
    platform: string;
    url: string;
    hash?: { md5?: string; sha256?: string };
    category?: string;
  }[];
}

/** A lock's packages for one platform, in the two forms that tools install exactly. */
export interface LockedFiles {
  /** An explicit list (`@EXPLICIT`) for conda, mamba and micromamba, with the hashes that the tool can check. */
  explicit: (hash: 'md5' | 'sha256') => string;
  /** A hashed requirements file for pip; undefined where the lock has nothing for it. */
  requirements: string | undefined;
}

/**
 * The packages of conda-lock.yml for a platform: those of the categories `main` and `dev`, as conda-lock installs them,
 * with what the selection adds and leaves out.
 */
export async function readCondaLock(
  text: string,
  platform: string | undefined,
  selection: Selection,
  file: string,
): Promise<LockedFiles> {
  const lock = await parseLock(text, file);
  const packages = lock.package ?? [];
  const platforms = [...new Set(lock.metadata?.platforms ?? packages.map((each) => each.platform))];
  if (!platform || !platforms.includes(platform))
    throw new UserError(`${file} locks nothing for this platform (${platform ?? process.platform})`, {
      file,
      line: 1,
      advice: `It has ${platforms.join(', ') || 'none'}. Lock it with 'conda-lock --platform ${platform ?? '…'}'.`,
    });
  const categories = chosenCategories(packages, selection, file);
  const chosen = packages.filter(
    (each) => each.platform === platform && categories.has(each.category ?? 'main'),
  );
  const explicit = chosen.filter(({ manager }) => manager !== 'pip');
  const fromIndex = chosen.filter(({ manager }) => manager === 'pip');
  return {
    explicit: (hash) =>
      `@EXPLICIT\n${explicit.map((each) => `${each.url}${fragment(each, hash, file)}\n`).join('')}`,
    requirements: fromIndex.length
      ? fromIndex.map((each) => `${each.name} @ ${pipAddress(each, file)}\n`).join('')
      : undefined,
  };
}

/** An address for pip with its hash, as conda-lock writes it; a commit says itself what it is. */
function pipAddress({ name, url, hash }: Package, file: string): string {
  if (url.startsWith('git+')) return url;
  if (hash?.sha256) return `${url}#sha256=${hash.sha256}`;
  throw new UserError(`${file} has no hash for ${name}`, {
    file,
    line: 1,
    advice: 'Write the lock anew with a current conda-lock, and commit it.',
  });
}

async function parseLock(text: string, file: string): Promise<Lock> {
  const { parse } = await import('yaml');
  try {
    // As text, whatever it looks like: a digest of digits alone is no number.
    const lock = parse(text, { schema: 'failsafe' }) as Lock | null;
    if (lock?.version === '1' && Array.isArray(lock.package)) return lock;
  } catch (error) {
    throw new UserError(`not valid YAML: ${(error as Error).message.split('\n')[0]}`, {
      file,
      line: 1,
      cause: error,
    });
  }
  throw new UserError(`${file} is not a lock that conda-lock wrote in version 1 of its format`, {
    file,
    line: 1,
    advice: "Write it with 'conda-lock -f environment.yml', or as an explicit list with '--kind explicit'.",
  });
}

type Package = NonNullable<Lock['package']>[number];

function chosenCategories(packages: readonly Package[], selection: Selection, file: string): Set<string> {
  const known = new Set(['main', 'dev', ...packages.map(({ category }) => category ?? 'main')]);
  for (const [input, names] of Object.entries({
    extras: selection.extras,
    groups: selection.groups,
    'exclude-groups': selection.excludeGroups,
  }))
    for (const name of names)
      if (!known.has(name))
        throw new UserError(`input ${input}: '${name}' is no category of ${file}`, {
          file,
          line: 1,
          advice: `It has ${[...known].sort().join(', ')}.`,
        });
  const chosen = ['main', 'dev', ...selection.extras, ...selection.groups];
  return new Set(chosen.filter((name) => !selection.excludeGroups.includes(name)));
}

function fragment({ name, hash }: Package, wanted: 'md5' | 'sha256', file: string): string {
  if (wanted === 'sha256' && hash?.sha256) return `#sha256:${hash.sha256}`;
  if (hash?.md5) return `#${hash.md5}`;
  throw new UserError(`${file} has no hash for ${name} that this version of conda can check`, {
    file,
    line: 1,
    advice: 'Write the lock anew with a current conda-lock, or update conda.',
  });
}
