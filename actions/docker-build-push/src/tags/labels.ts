import { suggest } from '@mlops/core';
import type { ImageContext } from './context.ts';
import { meaningful, wrong } from './fields.ts';
import type { Templates, Values } from './templates.ts';

/** What we add to the OCI names: the digest of the model in the image, and the page of the run that built it. */
export const modelLabels = { digest: 'ai.mlops.model.digest', run: 'ai.mlops.run' } as const;

/**
 * The labels of the OCI image specification 1.1 ("Pre-Defined Annotation Keys"). Those that nothing is known for are
 * empty rather than absent, since an image would otherwise have the ones of its base image.
 */
export function standardLabels(
  { repository, sha, runId }: ImageContext,
  known: {
    version: string | undefined;
    created: Date;
    modelDigest: string | undefined;
    /** Whether to leave out what differs between two builds of the same sources. */
    reproducible: boolean;
  },
): Record<string, string> {
  const { version, created, modelDigest, reproducible } = known;
  const model: Record<string, string> = modelDigest ? { [modelLabels.digest]: modelDigest } : {};
  if (modelDigest && runId && repository.url && !reproducible)
    model[modelLabels.run] = `${repository.url}/actions/runs/${runId}`;
  return {
    'org.opencontainers.image.title': repository.name,
    'org.opencontainers.image.description': repository.description ?? '',
    'org.opencontainers.image.url': repository.url,
    'org.opencontainers.image.source': repository.url,
    'org.opencontainers.image.version': version ?? '',
    'org.opencontainers.image.created': created.toISOString(),
    'org.opencontainers.image.revision': sha,
    'org.opencontainers.image.licenses': repository.license ?? '',
    ...model,
  };
}

/** The user's lines `key=value`, which may be templates, over the standard ones; sorted by key. */
export function withLines(
  standard: Record<string, string>,
  lines: readonly string[],
  given: { input: string; templates: Templates; values: Values; warn: (message: string) => void },
): Record<string, string> {
  const { input, templates, values, warn } = given;
  const labels = { ...standard };
  for (const line of meaningful(lines)) {
    const text = templates.render(line, values, { input, line });
    const at = text.indexOf('=');
    if (at > 0) labels[text.slice(0, at)] = text.slice(at + 1);
    else warn(`${input}, '${line}': this is not of the form key=value and is left out.`);
  }
  return Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Where BuildKit can put an annotation. */
export const annotationLevels = ['manifest', 'index', 'manifest-descriptor', 'index-descriptor'] as const;

const levelOf = /^([a-z-]+)(?:\[[^\]]*\])?$/;
const ownLevels = /^(?:(?:manifest|index)(?:-descriptor)?(?:\[[^\]]*\])?,?)+:/;

/**
 * Annotations as `docker buildx build --annotation` takes them, once for each level, which may name a platform in
 * brackets: `index:key=value`. One that begins with levels of its own keeps to those.
 *
 * @throws UserError for an unknown level
 */
export function annotationsAt(annotations: Record<string, string>, levels: readonly string[]): string[] {
  for (const level of levels) {
    const name = levelOf.exec(level)?.[1] ?? level;
    if (!(annotationLevels as readonly string[]).includes(name))
      throw wrong('annotation-levels', level, `there is no level '${level}'`, {
        advice: suggest(name, annotationLevels),
      });
  }
  const lines = Object.entries(annotations).map(([key, value]) => `${key}=${value}`);
  const own = lines.filter((line) => ownLevels.test(line));
  const others = lines.filter((line) => !ownLevels.test(line));
  return [...levels.flatMap((level) => others.map((line) => `${level}:${line}`)), ...own];
}
