import { join } from 'node:path';
import type { LiveFile } from './live-folder.ts';
import { isWhole } from './whole.ts';

/** Whether no file is plainly cut off: enough where the command was not killed. */
export async function areWhole(live: string, files: readonly LiveFile[]): Promise<boolean> {
  for (const { path, link } of files)
    if (link === undefined && (await isWhole(join(live, path)).catch(() => false)) === false) return false;
  return true;
}

/** A file that was last written to this long before the end was hardly being written at the end. */
const settledMs = 1000;

/**
 * What can be kept of a folder whose command was killed, maybe in the middle of writing. A doubtful file is one that
 * changed since the last checkpoint was sealed and is cut off, or tells nothing by its format and was written to right
 * before the end (always, when the time of the end is not known). Entries that are new are left out when they hold a
 * doubtful file. When one was overwritten in place, nothing is kept, since the rest may belong to it: undefined.
 */
export async function trustworthy(
  live: string,
  files: readonly LiveFile[],
  sealed: ReadonlyMap<string, string>,
  endedAtMs: number | undefined,
): Promise<LiveFile[] | undefined> {
  const doubtful: LiveFile[] = [];
  for (const file of files)
    if (
      file.link === undefined &&
      sealed.get(file.path) !== file.stamp &&
      (await isDoubtful(live, file, endedAtMs))
    )
      doubtful.push(file);
  if (doubtful.some(({ path }) => sealed.has(path))) return undefined;
  const entries = new Set(doubtful.map(entryOf));
  const kept = files.filter((file) => !entries.has(entryOf(file)));
  const isNews = kept.some(({ path, stamp }) => sealed.get(path) !== stamp);
  return isNews ? kept : undefined;
}

async function isDoubtful(
  live: string,
  { path, mtimeMs }: LiveFile,
  endedAtMs: number | undefined,
): Promise<boolean> {
  const whole = await isWhole(join(live, path)).catch(() => false);
  if (whole !== undefined) return !whole;
  return endedAtMs === undefined || mtimeMs > endedAtMs - settledMs;
}

/** Trainers that keep several checkpoints give each a file or a folder of its own. */
function entryOf({ path }: LiveFile): string {
  return path.split('/')[0] ?? path;
}
