import { packStamps, sameStamp, type TaskResult, unpackStamp } from './hash-files.ts';
import type { Pool } from './pool.ts';
import type { Entry, StatCache } from './stat-cache.ts';
import { changedMeanwhile, type Found, type FoundFile, unreadable } from './walk.ts';

// Opening a small file takes about as long as hashing this many bytes. Looking at one takes an eighth of that, but so
// does giving it to a thread and taking it back.
const bytesPerOpen = 16 * 1024;
const bytesPerLook = 512;
const batchCost = 16 * 1024 * 1024;
// Who looks at files reads those of up to this many bytes at once; larger ones are shared out by their size.
const smallFile = 64 * 1024;

/** Fills in the stamps and digests of files as they are found: from the cache, or else from their bytes. */
export async function digestFiles(
  found: AsyncIterable<Found[]> | Iterable<Found[]>,
  pool: Pool,
  cache: StatCache | undefined,
): Promise<Found[]> {
  const lookedAt = Date.now();
  const all: Found[][] = [];
  const underWay: Promise<void>[] = [];
  let waiting: Candidate[][] = [];
  let lookCost = 0;

  for await (const portion of found) {
    all.push(portion);
    const files = portion.filter((item) => item.kind === 'file');
    const candidates = files.map((file) => ({ file, entry: cache?.get(file.path) }));
    waiting.push(candidates);
    for (const { entry } of candidates) lookCost += entry ? bytesPerLook : bytesPerOpen;
    if (!pool.threadsFor(lookCost)) continue;
    for (const portion of waiting) {
      const done = look(portion).then(read);
      done.catch(() => {}); // Awaited below, unless the search fails first.
      underWay.push(done);
    }
    waiting = [];
  }
  const unread: FoundFile[] = [];
  for (const portion of waiting) for (const file of await look(portion)) unread.push(file);
  await Promise.all([...underWay, read(unread)]);
  return all.flat();

  /** The files that remain to be read. */
  async function look(candidates: Candidate[]): Promise<FoundFile[]> {
    const unseen = candidates.filter(({ file }) => !file.stamp);
    if (unseen.length > 0) {
      const files = unseen.map(({ file }) => file);
      const stamps = packStamps(unseen.map(({ entry }) => entry?.stamp));
      const task = { paths: files.map(({ path }) => path), stamps, lookUpTo: smallFile };
      take(files, await pool.run(task, files.length * bytesPerOpen));
    }
    for (const { file, entry } of candidates)
      if (file.stamp && entry && sameStamp(file.stamp, entry.stamp)) file.hex = entry.hex;
    return candidates.map(({ file }) => file).filter(({ hex }) => hex === undefined);
  }

  async function read(files: readonly FoundFile[]): Promise<void> {
    const threaded = pool.threadsFor(files.reduce((sum, file) => sum + costOf(file), 0));
    const reading: Promise<void>[] = [];
    for (const { batch, cost } of batched(files)) {
      const done = readBatch(batch, cost);
      if (threaded) reading.push(done);
      else await done; // One after the other, so that an abort in between is heard.
    }
    await Promise.all(reading);
  }

  async function readBatch(files: readonly FoundFile[], cost: number): Promise<void> {
    const stamps = packStamps(files.map(({ stamp }) => stamp));
    take(files, await pool.run({ paths: files.map(({ path }) => path), stamps }, cost));
  }

  function take(files: readonly FoundFile[], { stamps, hexes, failure }: TaskResult): void {
    if (failure) {
      const { name } = files[failure.index] as FoundFile;
      if (failure.code === 'CHANGED') throw changedMeanwhile(name);
      throw unreadable(name, failure.code, failure.message);
    }
    for (const [i, file] of files.entries()) {
      file.stamp = unpackStamp(stamps, i);
      const hex = hexes[i];
      if (!hex) continue;
      file.hex = hex;
      cache?.set(file.path, file.stamp, hex, lookedAt);
    }
  }
}

/** A file, and what is remembered of it. */
interface Candidate {
  file: FoundFile;
  entry: Entry | undefined;
}

function costOf({ stamp }: FoundFile): number {
  return (stamp?.size ?? 0) + bytesPerOpen;
}

/** Neighbours together, up to `batchCost` a batch. */
function batched(files: readonly FoundFile[]): { batch: FoundFile[]; cost: number }[] {
  const batches: { batch: FoundFile[]; cost: number }[] = [];
  for (const file of files) {
    const cost = costOf(file);
    const last = batches.at(-1);
    if (last && last.cost + cost <= batchCost) {
      last.batch.push(file);
      last.cost += cost;
    } else {
      batches.push({ batch: [file], cost });
    }
  }
  return batches;
}
