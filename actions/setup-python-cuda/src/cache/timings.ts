/** How an environment comes to be: its packages installed, or the whole of it restored from the cache. */
export type Way = 'install' | 'restore';

/** What one run took. */
export interface Sample {
  /** From the first request to an environment that can be used. */
  seconds: number;
  /** Size of the environment. */
  bytes: number;
  /** Milliseconds since the epoch. */
  at: number;
}

/** What is known about one environment from the runs before, oldest first. */
export interface Timings {
  install: Sample[];
  restore: Sample[];
  /** Rises when an entry turns out to be damaged, so that a new one gets another key. */
  generation: number;
}

export const noTimings: Timings = { install: [], restore: [], generation: 0 };

/** As many of each way are kept, and enough to know it. */
const samplesKept = 5;
const samplesWanted = 3;
const staleAfterMs = 30 * 24 * 60 * 60 * 1000;

/**
 * What a restore takes at the least: the requests, and unpacking at the rate that two cores reach with zstd. With it,
 * environments that hardly can pay, such as those of several gigabytes, are not even tried.
 */
const requestSeconds = 1;
const unpackedBytesPerSecond = 250e6;
/** A restore has to promise so much to be tried, because saving takes time as well. */
const promise = { seconds: 1, share: 0.2 };

/**
 * The faster way by the medians of what was measured; with equal ones, installing, which stores nothing. Before there
 * is a measure, a restore is tried where it could pay.
 */
export function chooseWay({ install, restore }: Timings): { way: Way; why: string } {
  if (install.length === 0) return { way: 'install', why: 'what it takes is not known yet' };
  const installing = medianSeconds(install);
  if (restore.length === 0) {
    const bytes = median(install.map((sample) => sample.bytes));
    const least = requestSeconds + bytes / unpackedBytesPerSecond;
    const pays = installing - least >= Math.max(promise.seconds, promise.share * installing);
    return pays
      ? { way: 'restore', why: `to compare it with installing, ${shown(installing)}` }
      : {
          way: 'install',
          why: `${shown(installing)}, restoring ${Math.ceil(bytes / 1e6)} MB would take ${shown(least)} or more`,
        };
  }
  const restoring = medianSeconds(restore);
  const way = restoring < installing ? 'restore' : 'install';
  const runs = `medians of ${restore.length} and ${install.length}`;
  return { way, why: `restoring takes ${shown(restoring)}, installing ${shown(installing)} (${runs})` };
}

/** With one more sample; only the newest are kept. */
export function withSample(timings: Timings, way: Way, sample: Sample): Timings {
  return { ...timings, [way]: [...timings[way], sample].slice(-samplesKept) };
}

/** Whether a sample of that way is worth an entry of its own: the first few are, later ones now and then. */
export function isNews(timings: Timings, way: Way, now: number): boolean {
  const known = timings[way];
  return known.length < samplesWanted || now - (known.at(-1)?.at ?? 0) > staleAfterMs;
}

/** Timings as they stand in an entry; what is none says nothing. */
export function parseTimings(text: string): Timings {
  try {
    const { install, restore, generation } = JSON.parse(text) as Partial<Timings>;
    return {
      install: samples(install),
      restore: samples(restore),
      generation: isAmount(generation) ? Math.floor(generation) : 0,
    };
  } catch {
    return noTimings;
  }
}

function samples(value: unknown): Sample[] {
  if (!Array.isArray(value)) return [];
  return (value as Partial<Sample>[])
    .filter((each): each is Sample => isAmount(each?.seconds) && isAmount(each.bytes) && isAmount(each.at))
    .map(({ seconds, bytes, at }) => ({ seconds, bytes, at }))
    .slice(-samplesKept);
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function medianSeconds(known: readonly Sample[]): number {
  return median(known.map(({ seconds }) => seconds));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = 0, high = 0] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}

function shown(seconds: number): string {
  return `${seconds.toFixed(1)} s`;
}
