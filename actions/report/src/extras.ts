import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GitHub, plain, UserError } from '@mlops/core';
import type { JobRecord } from '@mlops/core/record';
import { fromOtherJobs } from '@mlops/core/run-so-far';
import type { ArtifactStore } from '@mlops/core/store';
import type { Extras, UserReport } from '@mlops/report';
import * as z from 'zod';

/** The extras of one job, which tells it apart. */
export interface JobExtras extends Extras {
  job: Pick<JobRecord, 'job' | 'matrix' | 'attempt'>;
}

const extrasFile = 'extras.json';

const extrasSchema = z.object({
  schema: z.literal(1),
  job: z.object({
    job: z.string(),
    matrix: z.record(z.string(), z.json()).nullable(),
    attempt: z.int(),
  }),
  userReport: z
    .object({
      markdown: z.string(),
      images: z.record(z.string(), z.object({ type: z.string(), bytes: z.base64() })),
    })
    .optional(),
  modelCard: z.string().optional(),
});

function prefix(project: string): string {
  return `mlops-extras${project && `-${project}`}.`;
}

/** Uploads what this job adds, for the job that ends the run; its files are gone by then. */
export async function handOnExtras(
  { job: { job, matrix, attempt }, userReport, modelCard }: JobExtras,
  project: string,
  { temp }: Pick<GitHub, 'temp'>,
  store: ArtifactStore,
): Promise<void> {
  const folder = await mkdtemp(join(temp, 'mlops-extras-'));
  const images = [...(userReport?.images ?? [])].map(([path, { type, bytes }]) => [
    path,
    { type, bytes: Buffer.from(bytes).toString('base64') },
  ]);
  const content = {
    ...{ schema: 1, job: { job, matrix, attempt }, modelCard },
    ...(userReport && { userReport: { ...userReport, images: Object.fromEntries(images) } }),
  };
  try {
    await writeFile(join(folder, extrasFile), JSON.stringify(content));
    // As with records, legs of a matrix share a job's name.
    await store.save(`${prefix(project)}${job}-${randomBytes(4).toString('hex')}`, folder, [extrasFile]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What the other jobs of this run handed on for the same project. */
export async function extrasOfOtherJobs(
  project: string,
  { temp }: Pick<GitHub, 'temp'>,
  signal: AbortSignal,
): Promise<JobExtras[]> {
  const sought = { prefix: prefix(project), paths: [extrasFile], temp, signal };
  return fromOtherJobs(sought, async ({ artifact, file }) => parsed(await file(extrasFile), artifact));
}

function parsed(content: Buffer | undefined, artifact: string): JobExtras {
  const result = extrasSchema.safeParse(jsonOf(content));
  if (!result.success)
    throw new UserError(`the artifact '${artifact}' holds no report or model card of a job`, {
      cause: result.error,
      advice: 'Use the same version of these actions in all jobs of a run.',
    });
  const { job, userReport, modelCard } = result.data;
  const images = Object.entries(userReport?.images ?? {}).map(
    ([path, { type, bytes }]) => [path, { type, bytes: Buffer.from(bytes, 'base64') }] as const,
  );
  return {
    job,
    ...(userReport && { userReport: { markdown: userReport.markdown, images: new Map(images) } }),
    ...(modelCard !== undefined && { modelCard }),
  };
}

/** Undefined, which no schema takes, for what is no JSON. */
function jsonOf(content: Buffer | undefined): unknown {
  try {
    return JSON.parse(content?.toString() ?? '');
  } catch {
    return undefined;
  }
}

/**
 * All jobs' extras as one: of a job that ran again those of its newest attempt, each under a heading that names the job
 * where there are several that differ. Pictures of the same path in several jobs are kept apart.
 */
export function combined(all: readonly JobExtras[]): Extras {
  const jobOf = ({ job }: JobExtras) => JSON.stringify([job.job, job.matrix]);
  const newest = new Map(
    all.toSorted((a, b) => a.job.attempt - b.job.attempt).map((one) => [jobOf(one), one]),
  );
  const jobs = [...newest.values()].sort((a, b) => (jobOf(a) < jobOf(b) ? -1 : 1));
  const reports = jobs.flatMap((one) => (one.userReport ? [{ ...one.userReport, title: titleOf(one) }] : []));
  const cards = jobs.flatMap(({ modelCard, ...one }) =>
    modelCard === undefined ? [] : [{ markdown: modelCard, title: titleOf(one) }],
  );
  const userReport = joinedReports(reports);
  const modelCard = joined(cards);
  return { ...(userReport && { userReport }), ...(modelCard !== undefined && { modelCard }) };
}

/** `train (size=small)` */
function titleOf({ job: { job, matrix } }: JobExtras): string {
  const leg = Object.entries(matrix ?? {}).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return leg.length ? `${job} (${leg.join(', ')})` : job;
}

function joinedReports(reports: readonly (UserReport & { title: string })[]): UserReport | undefined {
  const [only] = reports;
  if (!only || reports.length === 1) return only && { markdown: only.markdown, images: only.images };
  const apart = reports.map(({ title, markdown, images }, i) => {
    const renamed = [...images].map(([path, image]) => [path, `${i + 1}/${path}`, image] as const);
    return {
      title,
      markdown: renamed.reduce(
        (text, [from, to]) => withPath(withPath(text, from, to), encodeURI(from), encodeURI(to)),
        markdown,
      ),
      images: renamed.map(([, path, image]) => [path, image] as const),
    };
  });
  return { markdown: joined(apart) ?? '', images: new Map(apart.flatMap(({ images }) => images)) };
}

/** Texts that are all the same once, others one after the other. */
function joined(texts: readonly { title: string; markdown: string }[]): string | undefined {
  const [first] = texts;
  if (!first || texts.every(({ markdown }) => markdown === first.markdown)) return first?.markdown;
  return texts.map(({ title, markdown }) => `## ${plain(title)}\n\n${markdown.trim()}`).join('\n\n');
}

/** Markdown whose picture of a path is looked for at another: in `![…](path)`, `<img src="path">` and definitions. */
function withPath(markdown: string, from: string, to: string): string {
  const path = from.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return markdown.replace(new RegExp(`(?<=[(<"'=\\s])${path}(?=[)>"'\\s]|$)`, 'gm'), () => to);
}
