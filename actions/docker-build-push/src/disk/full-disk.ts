import { UserError } from '@mlops/core';
import { disksOf, diskTable } from './free-space.ts';

/** How BuildKit, the tools in its steps and Node say that a disk is full, on Linux, macOS and Windows. */
const full =
  /no space left on device|\bENOSPC\b|disk quota exceeded|\bEDQUOT\b|not enough space on the disk|not enough free space|disk is full/i;

/** Whether the output of a build, or an error's message, tells that a disk is full. */
export function isDiskFull(text: string): boolean {
  return full.test(text);
}

/**
 * The error for a build that a full disk has ended, with what is free where. A disk may have room again by now: what a
 * build has not finished is gone with it.
 *
 * @param folders the builder's root, the temporary folder, the context: what the build writes to or reads.
 */
export async function diskFullError(folders: readonly string[], cause: unknown): Promise<UserError> {
  const disks = await disksOf(folders);
  const files = disks.find(({ freeFiles }) => freeFiles !== undefined && freeFiles < 1000);
  const what = files
    ? `the disk of ${files.folders.join(', ')} has no room for more files`
    : 'a disk became full during the build';
  return new UserError(`${what}; without what the build has not finished:\n${diskTable(disks)}`, {
    cause,
    advice:
      "Set 'reclaim-disk: safe' on GitHub's runners, use a runner with a larger disk, or make the image smaller: the layers are in the summary of a build that went well.",
  });
}
