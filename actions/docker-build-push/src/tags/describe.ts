import { type BakeFiles, bakeFiles, defaultBakeTarget } from './bake-file.ts';
import type { ImageContext } from './context.ts';
import { globalValues } from './expressions.ts';
import { meaningful } from './fields.ts';
import { parseFlavor } from './flavor.ts';
import { imageNames } from './images.ts';
import { annotationsAt, standardLabels, withLines } from './labels.ts';
import { parseRules } from './rules.ts';
import { loadTemplates } from './templates.ts';
import { validTag } from './valid-tag.ts';
import { applyRules, type Versions } from './versions.ts';

/** The lines of the inputs, and what they are filled in with. */
export interface DescribeOptions {
  /** Names of the image; without any, tags stand alone. */
  images?: readonly string[];
  /** The rules; see defaultRules for none. */
  tags?: readonly string[];
  flavor?: readonly string[];
  /** `key=value`, over the standard ones. */
  labels?: readonly string[];
  annotations?: readonly string[];
  /** Where annotations go (default `manifest`). */
  levels?: readonly string[];
  context: ImageContext;
  now: Date;
  /** Of the model in the image, `sha256:…`. */
  modelDigest?: string | undefined;
  /**
   * Whether the same commit is to give the same labels: `created` is then SOURCE_DATE_EPOCH, or else the date of the
   * commit, and nothing names the run.
   */
  reproducible?: boolean;
  /** SOURCE_DATE_EPOCH: seconds since 1970 (https://reproducible-builds.org/specs/source-date-epoch/). */
  sourceDateEpoch?: number | undefined;
  /** How many characters a short commit has (default 7). */
  shaLength?: number | undefined;
  /** The target of the bake files (default `docker-metadata-action`). */
  bakeTarget?: string | undefined;
}

/** How an image is called and what it says of itself. */
export interface ImageDescription {
  /** In lower case, such as `ghcr.io/owner/image`. */
  names: string[];
  /** Each name with each tag, `name:tag`; the tags alone where there is no name. */
  tags: string[];
  tagNames: string[];
  /** The first tag. */
  version: string | undefined;
  /** Sorted by key. */
  labels: Record<string, string>;
  /** `level:key=value`, as buildx takes them. */
  annotations: string[];
  /** As docker/metadata-action's output `json`. */
  json: { tags: string[]; 'tag-names': string[]; labels: Record<string, string>; annotations: string[] };
  bakeFiles: BakeFiles;
  /** What the user should hear of, though it stops nothing. */
  warnings: string[];
}

/**
 * Names, tags and labels of an image, from rules in the language of docker/metadata-action and with its results, except
 * that a tag is always valid, an unknown attribute or expression is an error, and expressions are not escaped as HTML.
 *
 * @throws UserError for what is wrong with an input
 */
export async function describeImage(options: DescribeOptions): Promise<ImageDescription> {
  const {
    context,
    now,
    modelDigest,
    shaLength,
    reproducible = false,
    bakeTarget = defaultBakeTarget,
  } = options;
  const { tags: ruleLines = [], labels: labelLines = [], annotations: annotationLines = [] } = options;
  const warnings: string[] = [];
  const warn = (message: string) => {
    if (!warnings.includes(message)) warnings.push(message);
  };
  const names = imageNames(options.images ?? []);
  const rules = parseRules(ruleLines);
  const flavor = parseFlavor(options.flavor ?? []);
  const templates = await loadTemplates([
    ...[...ruleLines, ...labelLines, ...annotationLines],
    ...[flavor.prefix, flavor.suffix],
  ]);
  const values = globalValues(context, { now, shaLength, warn });
  const subject = { context, flavor, templates, values, modelDigest, shaLength, warn };

  const versions = applyRules(rules, subject);
  const { main: version } = versions;
  if (version === undefined && meaningful(ruleLines).length > 0)
    warn(
      `None of the rules in the input tags gives a tag for the event '${context.event}' of '${context.ref}'.`,
    );
  const fill = (template: string) => templates.render(template, values, { input: 'flavor', line: template });
  const latest = `${flavor.prefixLatest ? fill(flavor.prefix) : ''}latest${flavor.suffixLatest ? fill(flavor.suffix) : ''}`;
  const tagNames = tagNamesOf(versions, validTag(latest));
  const tags = names.length > 0 ? names.flatMap((name) => tagNames.map((tag) => `${name}:${tag}`)) : tagNames;

  const standard = standardLabels(context, {
    version,
    modelDigest,
    reproducible,
    created: createdAt(options),
  });
  const labels = withLines(standard, labelLines, { ...subject, input: 'labels' });
  const annotations = annotationsAt(
    withLines(standard, annotationLines, { ...subject, input: 'annotations' }),
    options.levels ?? ['manifest'],
  );
  return {
    ...{ names, tags, tagNames, version, labels, annotations, warnings },
    json: { tags, 'tag-names': tagNames, labels, annotations },
    bakeFiles: bakeFiles(bakeTarget, { names, tags, version, labels, annotations }),
  };
}

function tagNamesOf({ main, others, latest }: Versions, latestTag: string): string[] {
  if (main === undefined) return [];
  return [...new Set([main, ...others, ...(latest ? [latestTag] : [])])];
}

function createdAt({ reproducible, sourceDateEpoch, context, now }: DescribeOptions): Date {
  if (!reproducible) return now;
  return sourceDateEpoch === undefined ? (context.commitDate ?? now) : new Date(sourceDateEpoch * 1000);
}
