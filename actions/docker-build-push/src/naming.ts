import { annotate, type GitHub, type InputsOf, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import { connect, formatReference, parseReference, type Repository } from '@mlops/oci';
import type { action } from './action.ts';
import { unquoted } from './buildx/attributes.ts';
import { contextOf, describeImage, type ImageDescription } from './tags/index.ts';

export interface Naming extends ImageDescription {
  /** Whole references to push. */
  references: string[];
}

type Given = Pick<InputsOf<typeof action>, 'images' | 'tags' | 'flavor' | 'labels' | 'annotations'>;

/** How the image is called: what the rules give for each name, and the references that are written out. */
export async function nameImage(
  inputs: Given,
  github: GitHub,
  { modelDigest, env }: { modelDigest: string | undefined; env: NodeJS.ProcessEnv },
): Promise<Naming> {
  // docker/metadata-action takes a word for a tag; what has a repository or a colon can only be a reference.
  const isWritten = (line: string) => !line.includes('=') && /[/:]/.test(line);
  // docker/build-push-action takes several on a line.
  const written = inputs.tags
    .filter(isWritten)
    .flatMap((line) => line.split(',').flatMap((one) => one.trim() || []));
  const rules = inputs.tags.filter((line) => !isWritten(line));
  for (const line of written) parseReference(line);
  const hasRules = inputs.images.length > 0;
  if (!hasRules && rules.length > 0)
    throw new UserError(`the tag '${rules[0]}' has no image to stand with`, {
      advice: "Name the image, such as 'images: ghcr.io/acme/tumor', or write the whole reference.",
    });
  const epoch = Number(env.SOURCE_DATE_EPOCH);
  const context = contextOf(github);
  const described = await describeImage({
    ...{
      images: inputs.images,
      tags: rules,
      flavor: inputs.flavor,
      labels: unquoted('labels', inputs.labels),
    },
    annotations: unquoted('annotations', inputs.annotations),
    context: { ...context, commitDate: context.commitDate ?? (await commitDate(github)) },
    ...{ now: new Date(), modelDigest },
    // The same commit gives the same labels, and so the same image.
    reproducible: true,
    ...(env.SOURCE_DATE_EPOCH && Number.isInteger(epoch) && { sourceDateEpoch: epoch }),
  });
  for (const warning of described.warnings) annotate('warning', warning);
  const ruled = hasRules ? described.tags : [];
  return {
    ...described,
    names: [...new Set([...described.names, ...written.map(nameOf)])],
    tagNames: [...new Set([...(hasRules ? described.tagNames : []), ...written.map(tagOf)])],
    references: [...new Set([...ruled, ...written])],
  };
}

/** When the commit was made, for events that do not tell; undefined where it is not checked out. */
async function commitDate({ sha, workspace }: GitHub): Promise<Date | undefined> {
  if (!/^[0-9a-f]{7,64}$/.test(sha)) return undefined;
  const { stdout } = await command('git', ['show', '--no-patch', '--format=%cI', sha], {
    cwd: workspace,
    tolerate: true,
  }).catch(() => ({ stdout: '' }));
  const date = new Date(stdout.trim());
  return Number.isNaN(date.getTime()) ? undefined : date;
}

export function tagOf(reference: string): string {
  return parseReference(reference).tag ?? 'latest';
}

/** A reference without tag and digest. */
export function nameOf(reference: string): string {
  const { registry, repository } = parseReference(reference);
  return formatReference({ registry, repository });
}

/** The repository of a name, for our own requests to it. */
export function repositoryOf(name: string): Repository {
  return connect(parseReference(name)).repository;
}
