import { UserError } from '@mlops/core';
import { amount } from './amount.ts';
import { disksOf, diskTable } from './free-space.ts';
import type { Reclaimed } from './reclaim.ts';

/** What a build is going to write, in bytes, and where. */
export interface RoomQuestion {
  /** The context, as `contextSize` gives it. */
  context: number;
  /** The model, where it is not below the context. */
  model?: number | undefined;
  /** The image that was last built of this, or else the base image: its layers as a registry stores them. */
  image?: number | undefined;
  /** What the image is written to: the root of the builder's state. */
  builder: string;
  /** Docker's own root, where the image is loaded into Docker. */
  docker?: string | undefined;
  /** The folder of files that the image is written to, `type=oci,dest=…`. */
  output?: string | undefined;
  /** The runner's folder for temporary files. */
  temp: string;
  /** Bytes that have to be free for the builder, whatever the estimate is; 0 for no check. */
  minFree?: number | undefined;
}

/**
 * What is written, as a multiple of what is known. Layers unpack to two to three times their size in a registry
 * (compressed), and are compressed anew to be pushed; the context is copied to the builder, and from there into layers.
 */
export const factors = { unpacked: 2.5, compressed: 1, transferred: 1, copied: 1 } as const;
/** What any build writes, if only its own records. */
const least = 200e6;

/** One file system with what the build is going to need there. */
export interface DiskRoom {
  folders: string[];
  free: number;
  needed: number;
}

/** Estimates what a build needs on each of the file systems that it writes to, and looks what is free there. */
export async function estimateRoom(question: RoomQuestion): Promise<DiskRoom[]> {
  const wanted = needs(question);
  const disks = await disksOf(wanted.map(({ folder }) => folder));
  return disks.map(({ folders, free }) => ({
    folders,
    free,
    needed: wanted
      .filter(({ folder }) => folders.includes(folder))
      .reduce((sum, { bytes }) => sum + bytes, 0),
  }));
}

/**
 * Refuses a build that there is no room for, before it starts.
 *
 * @param reclaimable what `reclaim` could remove, asked only where there is too little.
 * @throws UserError that says what is needed, what is free, and where.
 */
export async function requireRoom(
  question: RoomQuestion,
  reclaimable: () => Promise<readonly Reclaimed[]>,
): Promise<DiskRoom[]> {
  const rooms = await estimateRoom(question);
  const short = rooms.find(({ free, needed }) => needed > free);
  if (!short) return rooms;
  const disks = await disksOf(short.folders);
  const found = (await reclaimable()).filter(({ bytes }) => bytes >= 50e6);
  const gain = found.reduce((sum, { bytes }) => sum + bytes, 0);
  throw new UserError(
    `the build needs about ${amount(short.needed)} in ${short.folders.join(', ')}, where ${amount(short.free)} are free (${reckoning(question)}):\n${diskTable(disks)}`,
    {
      advice: `${gain ? `'reclaim-disk' would free ${amount(gain)}: ${found.map(({ name, bytes }) => `${name} ${amount(bytes)}`).join(', ')}. Or use` : 'Use'} a runner with a larger disk, leave what the image does not need out of the context, or set 'min-free' to what the build is known to need.`,
    },
  );
}

function needs({ context, model = 0, image = 0, builder, docker, output, temp, minFree }: RoomQuestion) {
  if (minFree !== undefined) return [{ folder: builder, bytes: minFree }];
  const content = context + model;
  const layers = image * factors.unpacked + content * factors.copied;
  return [
    {
      folder: builder,
      bytes: least + content * factors.transferred + layers + (image + content) * factors.compressed,
    },
    ...(docker === undefined ? [] : [{ folder: docker, bytes: layers }]),
    ...(output === undefined ? [] : [{ folder: output, bytes: (image + content) * factors.compressed }]),
    { folder: temp, bytes: 0 },
  ];
}

function reckoning({ context, model = 0, image = 0, minFree }: RoomQuestion): string {
  if (minFree !== undefined) return "as 'min-free' says";
  const parts = [
    `context ${amount(context)}`,
    ...(model ? [`model ${amount(model)}`] : []),
    image ? `image ${amount(image)} in the registry` : 'the image of unknown size not counted',
  ];
  return `estimated from ${parts.join(', ')}`;
}
