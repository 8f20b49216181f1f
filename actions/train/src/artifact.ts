import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { annotate, type GitHub, messageOf, UserError } from '@mlops/core';
import { hashText } from '@mlops/core/hash';
import type { TrainingRecord } from '@mlops/core/record';
import { artifactStore, hasGitHubArtifacts } from '@mlops/core/store';
import { canonical } from './key.ts';

/**
 * The artifact's name with the values of the job's matrix, so that its jobs do not write the same one. Always
 * appended, since a name in mlops.yaml is the same for all of them.
 */
export function artifactName(name: string, matrix: Readonly<Record<string, unknown>>): string {
  return [name, ...Object.values(matrix).map(partOf)].join('-');
}

function partOf(value: unknown): string {
  if (value && typeof value === 'object')
    return hashText(canonical(value)).slice('sha256:'.length, 'sha256:'.length + 8);
  // Artifact names may not have these, and a path separator would confuse whoever unpacks it.
  return String(value).replace(/[":<>|*?\r\n\\/]+/g, '_');
}

/** Where a training's record lies in the artifact. */
const recordFile = 'mlops-training.json';

export interface Uploaded {
  name: string;
  id: number | undefined;
  url: string | undefined;
  bytes: number;
}

export interface UploadOptions {
  folder: string;
  /** Model and metrics, relative to the folder. */
  files: readonly string[];
  github: GitHub;
  signal: AbortSignal;
  retentionDays: number | undefined;
}

/** Uploads model, metrics and the training's record as one artifact; undefined where there is no artifact service. */
export async function upload(
  training: TrainingRecord,
  options: UploadOptions,
): Promise<Uploaded | undefined> {
  const { folder, files, github, signal, retentionDays } = options;
  const { name } = training;
  if (!hasGitHubArtifacts(process.env)) {
    annotate(
      'notice',
      'Model and metrics stay on this machine: the job has no artifact service to upload them to.',
    );
    return undefined;
  }
  // The fastest level: weights hardly shrink, and text does well enough.
  const store = artifactStore({ signal, retentionDays, compressionLevel: 1 });
  const path = join(folder, recordFile);
  try {
    const model = training.model && { ...training.model, artifact: name };
    await writeFile(path, JSON.stringify({ ...training, model }, null, 2));
    const { bytes } = await store.save(name, folder, [...files, recordFile]);
    // The model is safe by now, so a listing that fails costs no more than the link.
    const id = (await store.list(name).catch(() => [])).find((artifact) => artifact.name === name)?.id;
    return { name, id, bytes, url: id && github.runUrl ? `${github.runUrl}/artifacts/${id}` : undefined };
  } catch (error) {
    if (signal.aborted) throw error;
    throw new UserError(`the artifact '${name}' was not uploaded: ${messageOf(error)}`, {
      cause: error,
      advice:
        error instanceof UserError && error.advice
          ? `${error.advice} The input 'artifact-name' sets it.`
          : "Re-run the job: finished stages are skipped. 'upload: false' trains without it.",
    });
  } finally {
    await rm(path, { force: true });
  }
}
