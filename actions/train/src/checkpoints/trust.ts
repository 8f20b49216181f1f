import { join } from 'node:path';
import type { LiveFile } from './live-folder.ts';
import type { Exit } from './owner.ts';
import { isWhole } from './whole.ts';

/** Whether no file is plainly cut off. */
export async function areWhole(live: string, files: readonly LiveFile[]): Promise<boolean> {
  for (const { path, link } of files)
    if (link === undefined && (await isWhole(join(live, path)).catch(() => false)) === false) return false;
  return true;
}

/** A file that was last written to this long before the end was hardly being written at the end. */
const settledMs = 1000;

/**
 * What can be kept of a folder whose command did not end by itself, but maybe in the middle of writing. `sealed` has the
 * stamps of the last checkpoint. Entries that are new are left out when they hold a doubtful file. When one was
 * overwritten in place, nothing is kept, since the rest may belong to it: undefined. Without `exit` nobody saw the end.
 */
export async function trustworthy(
  live: string,
  files: readonly LiveFile[],
  sealed: ReadonlyMap<string, string>,
  exit: Exit | undefined,
): Promise<LiveFile[] | undefined> {
  const changed = files.filter(({ path, stamp }) => sealed.get(path) !== stamp);
  const doubtful: LiveFile[] = [];
  for (const file of changed)
    if (file.link === undefined && (await isDoubtful(live, file, { sealed, exit }))) doubtful.push(file);
  if (doubtful.some(({ path }) => sealed.has(path))) return undefined;
  const entries = new Set(doubtful.map(entryOf));
  const kept = files.filter((file) => !entries.has(entryOf(file)));
  return kept.some((file) => changed.includes(file)) ? kept : undefined;
}

/**
 * A file is doubtful when it is cut off. When it was written to right before the end, it is also doubtful when its format
 * does not tell, or when it is one of several, of which the next ones may not have been written yet. Of a command that
 * was interrupted, the latter is more likely the state that it saved then.
 */
async function isDoubtful(
  live: string,
  { path, mtimeMs }: LiveFile,
  { sealed, exit }: { sealed: ReadonlyMap<string, string>; exit: Exit | undefined },
): Promise<boolean> {
  const whole = await isWhole(join(live, path)).catch(() => false);
  if (whole === false) return true;
  if (exit && mtimeMs <= exit.at - settledMs) return false;
  const isOneOfSeveral = path.includes('/') || (sealed.has(path) && sealed.size > 1);
  return whole === undefined || (isOneOfSeveral && exit?.how !== 'interrupted');
}

/** Trainers that keep several checkpoints give each a file or a folder of its own. */
function entryOf({ path }: LiveFile): string {
  return path.split('/')[0] ?? path;
}
