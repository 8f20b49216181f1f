import { posix } from 'node:path';
import { amount } from './amount.ts';
import { holdsImages, type MountWithSpace } from './mounts.ts';

/** Where images had better be, and why; `folder` is undefined where they are best left. */
export interface DataRootChoice {
  folder: string | undefined;
  because: string;
}

/** A move has to be worth its while: so many bytes more, and so many times as much. */
const worthwhile = { bytes: 5e9, times: 1.25 };

/**
 * Chooses the file system to keep images on: the one with the most room, where that has clearly more than the present
 * one. Hosted runners of GitHub have had a second disk at /mnt.
 *
 * @param current the data root as it is, absolute.
 * @param name what the folder on the other file system is to be called.
 */
export function chooseDataRoot(
  mounts: readonly MountWithSpace[],
  current: string,
  name: string,
): DataRootChoice {
  const present = mountOf(mounts, current);
  const usable = mounts.filter(holdsImages);
  const best = usable.toSorted((a, b) => b.free - a.free)[0];
  if (!best) return { folder: undefined, because: 'No file system of this machine could hold images.' };
  const free = present?.free ?? 0;
  if (best === present || best.free < free + worthwhile.bytes || best.free < free * worthwhile.times)
    return {
      folder: undefined,
      because: `No other file system has clearly more room than the ${amount(free)} at ${present?.folder ?? current}.`,
    };
  return {
    folder: posix.join(best.folder, name),
    because: `${best.folder} has ${amount(best.free)} free, ${present?.folder ?? current} has ${amount(free)}.`,
  };
}

/** The mount that a folder is on: the one with the longest name that is above it. */
function mountOf(mounts: readonly MountWithSpace[], folder: string): MountWithSpace | undefined {
  const isAbove = (mount: string) =>
    mount === '/' || folder === mount || folder.startsWith(`${mount.replace(/\/$/, '')}/`);
  return mounts
    .filter((mount) => isAbove(mount.folder))
    .toSorted((a, b) => b.folder.length - a.folder.length)[0];
}
