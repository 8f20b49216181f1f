import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { GitHub } from '../github.ts';
import type { GateRecord } from './gate-schema.ts';

/** Predictions that a gate keeps beside the record, named by their content. */
export type Kept = NonNullable<GateRecord['kept']>;

/** Larger files are not kept: every run adds its own to the repository. */
export const mostKeptBytes = 20 * 1024 * 1024;

/** Where predictions lie on the records branch and, on their way there, in a job's folder `mlops`. */
export function keptPath(digest: string): string {
  return `predictions/${digest.replace(/^sha256:/, '')}.csv.gz`;
}

/** Puts predictions where the report takes them along; undefined, and nothing is kept, when they are too large. */
export async function keepFile(
  { temp }: Pick<GitHub, 'temp'>,
  content: Uint8Array,
): Promise<Kept | undefined> {
  if (content.byteLength > mostKeptBytes) return undefined;
  const digest = digestOf(content);
  const path = join(temp, 'mlops', keptPath(digest));
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content);
  return { digest, bytes: content.byteLength };
}

/** Predictions that this job kept or got from another; undefined when they are not there as they were. */
export async function keptFile({ temp }: Pick<GitHub, 'temp'>, kept: Kept): Promise<Buffer | undefined> {
  const content = await readFile(join(temp, 'mlops', keptPath(kept.digest))).catch(() => undefined);
  return content && isKept(content, kept) ? content : undefined;
}

/** Whether the content is what was kept. */
export function isKept(content: Uint8Array, { digest }: Kept): boolean {
  return digestOf(content) === digest;
}

function digestOf(content: Uint8Array): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
