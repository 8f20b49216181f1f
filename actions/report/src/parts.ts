import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, type GitHub, messageOf, UserError } from '@mlops/core';
import { type JobRecord, jobRecordSchema, type Kept, keepFile, keptFile, keptPath } from '@mlops/core/record';
import { type ArtifactStore, artifactStore, hasGitHubArtifacts } from '@mlops/core/store';

/** Parts of a project's record travel between jobs as artifacts whose names start so. */
export function partPrefix(project: string): string {
  return `mlops-record${project && `-${project}`}.`;
}

const partFile = 'run-record.json';

/** The files of a job's part in its folder `mlops`: the record, and the predictions that its gates kept. */
export function filesOfPart(record: JobRecord, { temp }: Pick<GitHub, 'temp'>): string[] {
  const kept = keptBy([record]).map(({ digest }) => keptPath(digest));
  return [partFile, ...kept.filter((path) => existsSync(join(temp, 'mlops', path)))];
}

/** The predictions that the gates of jobs kept, by their paths on the records branch. */
export async function keptFiles(
  jobs: readonly JobRecord[],
  github: Pick<GitHub, 'temp'>,
): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const kept of keptBy(jobs)) {
    const content = await keptFile(github, kept);
    if (content) files.set(keptPath(kept.digest), content);
    else
      annotate(
        'notice',
        'Predictions that a gate kept did not arrive as they were, so later runs cannot be compared with them example by example.',
      );
  }
  return files;
}

function keptBy(jobs: readonly JobRecord[]): Kept[] {
  const all = jobs.flatMap(({ gates }) => gates.flatMap(({ kept }) => kept ?? []));
  return [...new Map(all.map((kept) => [kept.digest, kept])).values()];
}

/** A matrix may have 256 legs; the service is not asked for all of them at once. */
const atOnce = 8;

/** What the other jobs of this run handed on for the same project. */
export async function partsOfOtherJobs(
  project: string,
  github: GitHub,
  signal: AbortSignal,
): Promise<JobRecord[]> {
  if (!hasGitHubArtifacts(process.env)) return [];
  const store = artifactStore({ signal });
  const names = (await store.list(partPrefix(project))).map(({ name }) => name);
  const rest = names.values();
  const parts: JobRecord[] = [];
  const worker = async () => {
    for (const name of rest) parts.push(await partIn(name, store, github.temp));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return parts;
}

async function partIn(artifact: string, store: ArtifactStore, temp: string): Promise<JobRecord> {
  const folder = await mkdtemp(join(temp, 'mlops-part-'));
  try {
    await store.restore(artifact, folder, [partFile, 'predictions']);
    const part = parsed(await readFile(join(folder, partFile), 'utf8').catch(() => undefined), artifact);
    for (const { digest } of keptBy([part])) {
      const content = await readFile(join(folder, keptPath(digest))).catch(() => undefined);
      if (content) await keepFile({ temp }, content);
    }
    return part;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function parsed(text: string | undefined, artifact: string): JobRecord {
  if (text === undefined) throw unreadable(artifact, `there is no ${partFile} in it`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw unreadable(artifact, messageOf(error), error);
  }
  const result = jobRecordSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw unreadable(artifact, `${issue?.path.join('.')}: ${issue?.message}`, result.error);
}

function unreadable(artifact: string, why: string, cause?: unknown): UserError {
  return new UserError(`the artifact '${artifact}' holds no part of a run's record: ${why}`, {
    cause,
    advice: `Use the same version of these actions in all jobs of a run, and no other artifact whose name starts with '${artifact.replace(/[^.]*$/, '')}'.`,
  });
}
