/** What a measure must reach to be called good: of the ratio to the peer, or of our own value in the measure's unit. */
export interface Goal {
  op: '>=' | '<=';
  value: number;
  of: 'ratio' | 'ours';
}

/** One figure of ours beside the same figure of a peer, taken in the same run on the same machine. */
export interface Measure {
  bench: string;
  name: string;
  unit: string;
  ours: number;
  peer: number;
  peerName: string;
  /** ours ÷ peer */
  ratio: number;
  goal: Goal | null;
  /** Whether the goal is reached; null without one. */
  holds: boolean | null;
}

/** What a file of this folder exports by default. */
export interface Bench {
  name: string;
  /** Yields each measure as it is taken; `quick` uses less data and fewer rounds, for figures that only show trends. */
  measures(options: { quick: boolean }): AsyncIterable<Measure>;
}

/** The measure with its ratio and verdict. */
export function measured(figures: Omit<Measure, 'ratio' | 'holds'>): Measure {
  const ratio = figures.ours / figures.peer;
  const { goal } = figures;
  const value = goal?.of === 'ours' ? figures.ours : ratio;
  const holds = goal && (goal.op === '>=' ? value >= goal.value : value <= goal.value);
  return { ...figures, ratio, holds };
}

/**
 * Runs both sides alternately, so that whatever else the machine does hits both, and changes who is first. A side
 * returns its figure; the result has each side's median.
 */
export async function interleave(
  ours: () => Promise<number>,
  peer: () => Promise<number>,
  { rounds }: { rounds: number },
): Promise<{ ours: number; peer: number }> {
  const figures = { ours: [] as number[], peer: [] as number[] };
  const sides = [async () => figures.ours.push(await ours()), async () => figures.peer.push(await peer())];
  for (let round = 0; round < rounds; round++) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) await side();
  }
  return { ours: median(figures.ours), peer: median(figures.peer) };
}

/** How many seconds `fn` takes. */
export async function seconds(fn: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await fn();
  return (performance.now() - start) / 1000;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}
