import { readChangesets } from '@changesets/read';
import { throwAll, UserError } from '@mlops/core';
import { git } from './git.ts';
import { type ReleaseSet, readReleaseSet } from './release-set.ts';
import { planTags, type TagPlan } from './tags.ts';
import { renderedWorkflows } from './workflows.ts';

/** What can be known of a release without building it; the tags are those of the checkout. */
export async function checkRelease(root: string): Promise<{ set: ReleaseSet; plan: TagPlan }> {
  const set = await readReleaseSet(root);
  await renderedWorkflows(root, set, 'set');
  throwAll(await breakingWithoutMajor(root, set));
  const existingTags = (await git(root, ['tag', '--list'])).split('\n').filter(Boolean);
  return { set, plan: planTags({ setVersion: set.version, actions: set.actions, existingTags }) };
}

/** Pending changesets that break an action, where none says that this breaks the set. */
async function breakingWithoutMajor(root: string, { name: set, actions }: ReleaseSet): Promise<UserError[]> {
  const changesets = await readChangesets(root);
  const isMajor =
    (name: string) =>
    ({ releases }: (typeof changesets)[number]) =>
      releases.some((release) => release.name === name && release.type === 'major');
  if (changesets.some(isMajor(set))) return [];
  return actions.flatMap(({ name }) =>
    changesets.filter(isMajor(name)).map(
      ({ id }) =>
        new UserError(`a major change of '${name}' breaks the set, and no changeset says so`, {
          file: `.changeset/${id}.md`,
          advice: `Add the line "'${set}': major" to its front matter, or make the change compatible.`,
        }),
    ),
  );
}
