import { UserError } from '@mlops/core';
import { normalName } from '../requirements.ts';
import type { Selection } from '../selection.ts';
import { type LockedPackage, withExtras } from './locked-package.ts';

/** What of poetry.lock and pyproject.toml is read; the format is Poetry's own (`poetry.packages.locker`). */
export interface PoetryLock {
  package?: {
    name: string;
    version: string;
    optional?: boolean;
    groups?: string[];
    markers?: string | Record<string, string>;
    files?: { file: string; hash: string }[];
    develop?: boolean;
    source?: {
      type: string;
      url: string;
      reference?: string;
      resolved_reference?: string;
      subdirectory?: string;
    };
  }[];
  extras?: Record<string, string[]>;
  metadata?: { 'lock-version'?: string };
}
export interface PoetryProject {
  tool?: {
    poetry?: {
      'package-mode'?: boolean;
      group?: Record<string, { optional?: boolean }>;
      'dev-dependencies'?: Record<string, unknown>;
    };
  };
  'dependency-groups'?: Record<string, unknown>;
  'build-system'?: unknown;
}

export interface PoetryInstall {
  packages: LockedPackage[];
  /** Indexes beside the default one. */
  indexes: string[];
}

/**
 * The packages that `poetry install` would install: those of the main group and of every group that is not optional,
 * with what the selection adds and leaves out.
 */
export function readPoetryLock(
  lock: PoetryLock,
  project: PoetryProject,
  selection: Selection,
  file: string,
): PoetryInstall {
  const groups = chosenGroups(lock, project, selection, file);
  const extras = chosenExtras(lock, selection, file);
  const packages = (lock.package ?? []).flatMap((each) => {
    const own = (each.groups ?? ['main']).filter((group) => groups.has(group));
    if (!own.length) return [];
    return [
      {
        name: each.name,
        extras: [],
        source: sourceOf(each),
        marker: markerOf(each.markers, own, extras),
        hashes: [...new Set((each.files ?? []).map(({ hash }) => hash))],
      } satisfies LockedPackage,
    ];
  });
  return { packages, indexes: indexesOf(lock) };
}

/** Whether a lock is of Poetry 1, whose format does not say which group a package belongs to. */
export function isOfPoetry1({ metadata }: PoetryLock): boolean {
  const version = metadata?.['lock-version'];
  return !(Number.parseFloat(version ?? '') >= 2.1);
}

/** The addresses of the indexes that a lock's packages come from beside the default one. */
export function indexesOf({ package: packages = [] }: PoetryLock): string[] {
  return [...new Set(packages.flatMap(({ source }) => (source?.type === 'legacy' ? [source.url] : [])))];
}

/** Whether the project itself is a package to install. */
export function isPackage(project: PoetryProject): boolean {
  return project['build-system'] !== undefined && project.tool?.poetry?.['package-mode'] !== false;
}

function chosenGroups(
  lock: PoetryLock,
  project: PoetryProject,
  selection: Selection,
  file: string,
): Set<string> {
  const declared = project.tool?.poetry?.group ?? {};
  const known = new Set([
    'main',
    ...(lock.package ?? []).flatMap(({ groups }) => groups ?? []),
    ...Object.keys(declared),
    ...Object.keys(project['dependency-groups'] ?? {}),
  ]);
  mustBeKnown('groups', selection.groups, known, file);
  mustBeKnown('exclude-groups', selection.excludeGroups, known, file);
  const chosen = [...known].filter((group) => declared[group]?.optional !== true);
  return new Set(
    [...chosen, ...selection.groups].filter((group) => !selection.excludeGroups.includes(group)),
  );
}

function chosenExtras(lock: PoetryLock, selection: Selection, file: string): Set<string> {
  const known = new Set(Object.keys(lock.extras ?? {}).map(normalName));
  const chosen = selection.extras.map(normalName);
  mustBeKnown('extras', chosen, known, file);
  return new Set(chosen);
}

function mustBeKnown(
  input: string,
  given: readonly string[],
  known: ReadonlySet<string>,
  file: string,
): void {
  for (const name of given)
    if (!known.has(name))
      throw new UserError(`input ${input}: '${name}' is not in poetry.lock`, {
        file,
        line: 1,
        advice: `It has ${[...known].sort().join(', ') || 'none'}.`,
      });
}

/** A package that belongs to several groups is installed where the marker of any chosen one holds. */
function markerOf(
  markers: string | Record<string, string> | undefined,
  groups: readonly string[],
  extras: ReadonlySet<string>,
): string | undefined {
  if (markers === undefined) return undefined;
  if (typeof markers === 'string') return withExtras(markers, extras);
  const ofGroups = groups.map((group) => markers[group]);
  if (ofGroups.some((marker) => marker === undefined)) return undefined;
  return withExtras(ofGroups.map((marker) => `(${marker})`).join(' or '), extras);
}

function sourceOf({
  source,
  version,
  develop,
}: NonNullable<PoetryLock['package']>[number]): LockedPackage['source'] {
  switch (source?.type) {
    case 'git':
      return {
        git: source.url,
        commit: source.resolved_reference ?? source.reference ?? 'HEAD',
        ...(source.subdirectory ? { subfolder: source.subdirectory } : {}),
      };
    case 'url':
      return { url: source.url };
    case 'file':
      return { path: source.url, editable: false };
    case 'directory':
      return { path: source.url, editable: develop === true };
    default:
      return { version };
  }
}
