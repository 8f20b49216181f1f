import { throwAll, UserError } from '@mlops/core';
import semver from 'semver';
import type { ActionPackage } from './release-set.ts';

export interface TagRequest {
  /** Version of the set as it stands in the sources. */
  setVersion: string;
  actions: readonly ActionPackage[];
  /** Names of all tags there are; those that are not of a release are ignored. */
  existingTags: readonly string[];
}

export interface TagPlan {
  /** New tags that never move: `v1.4.0`, `train/v1.2.3`. */
  immutable: string[];
  /** Tags that follow their major version, and the immutable tag each has to point at; to be moved last. */
  floating: { tag: string; target: string }[];
}

/**
 * The tags that a release needs. A version that is tagged already is not tagged again; a prerelease moves no floating
 * tag; a floating tag only ever moves forwards within its major version.
 */
export function planTags({ setVersion, actions, existingTags }: TagRequest): TagPlan {
  const lines = [{ name: '', version: setVersion }, ...actions];
  throwAll(lines.flatMap((line) => problemsOfLine(line, existingTags)));

  const plan: TagPlan = { immutable: [], floating: [] };
  for (const { name, version } of lines) {
    const target = immutableTag(name, version);
    if (!existingTags.includes(target)) plan.immutable.push(target);
    if (semver.prerelease(version)) continue;
    const major = semver.major(version);
    const newer = versionsOf(name, existingTags).some(
      (other) => !other.prerelease.length && other.major === major && semver.gt(other, version),
    );
    if (!newer) plan.floating.push({ tag: immutableTag(name, String(major)), target });
  }
  throwAll([...problemsOfSet(setVersion, plan), ...breakingWithoutMajor(setVersion, actions, existingTags)]);
  return plan;
}

/** The tag of a version: of the set for the name '', otherwise in the form that Dependabot understands. */
export function immutableTag(name: string, version: string): string {
  return name ? `${name}/v${version}` : `v${version}`;
}

function problemsOfLine({ name, version }: ActionPackage, existingTags: readonly string[]): UserError[] {
  const file = name ? `actions/${name}/package.json` : 'workflows/package.json';
  const parsed = semver.parse(version);
  if (parsed?.version !== version)
    return [
      new UserError(`'${version}' is no version for a tag`, {
        file,
        advice: "Use the form '1.2.3' or '1.2.3-rc.1'.",
      }),
    ];
  if (name && existingTags.includes(name))
    return [
      new UserError(`the tag '${name}' is in the way of '${immutableTag(name, version)}'`, {
        advice: `Git cannot hold both. Delete the tag '${name}'.`,
      }),
    ];
  return [];
}

/** A new version of an action needs a new version of the set: the set's tag stands on the same commit. */
function problemsOfSet(setVersion: string, { immutable }: TagPlan): UserError[] {
  const news = immutable.filter((tag) => tag.includes('/'));
  if (!news.length || immutable.includes(immutableTag('', setVersion))) return [];
  return [
    new UserError(`${news.join(', ')} would be new, but the set's v${setVersion} is released already`, {
      file: 'workflows/package.json',
      advice: "Let 'pnpm changeset version' decide the versions; it raises the set with each action.",
    }),
  ];
}

/** Users of `v1` get every action of the set, so what breaks users of one action breaks them, too. */
function breakingWithoutMajor(
  setVersion: string,
  actions: readonly ActionPackage[],
  existingTags: readonly string[],
): UserError[] {
  const setMajor = highestMajor('', existingTags);
  if (setMajor === undefined || semver.major(setVersion) > setMajor) return [];
  return actions.flatMap(({ name, version }) => {
    const released = highestMajor(name, existingTags);
    if (released === undefined || semver.major(version) <= released) return [];
    return [
      new UserError(
        `'${name}' goes from major version ${released} to ${version}, but the set stays at ${setVersion}, within the released v${setMajor}`,
        {
          file: 'workflows/package.json',
          advice: `A breaking change of an action breaks the set: release the set as ${setMajor + 1}.0.0.`,
        },
      ),
    ];
  });
}

function highestMajor(name: string, tags: readonly string[]): number | undefined {
  const majors = versionsOf(name, tags).map(({ major }) => major);
  return majors.length ? Math.max(...majors) : undefined;
}

function versionsOf(name: string, tags: readonly string[]): semver.SemVer[] {
  return tags.flatMap((tag) => {
    const version = semver.parse(tag.slice(tag.lastIndexOf('/') + 2));
    return version && immutableTag(name, version.version) === tag ? [version] : [];
  });
}
