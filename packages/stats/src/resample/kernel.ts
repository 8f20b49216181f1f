/** What resamples are drawn of; arrays are shared between threads. */
export interface Draws {
  seed: number;
  /** Examples of each stratum, one after the other; each is drawn from by itself. */
  strata: readonly number[];
  /** Sums of columns of numbers, `width` of them side by side for each example. */
  blocks?: { width: number; values: Float64Array } | undefined;
  /** Examples by kind, where there are few kinds: how many each has, those of a stratum together. */
  kinds: readonly Float64Array[];
  /** What is counted example by example. */
  walks: readonly Walk[];
}

export type Walk =
  | { kind: 'cells'; cell: Int32Array | undefined; cells: number; columns: readonly Float64Array[] }
  | {
      kind: 'auc' | 'average-precision';
      /** Examples from the lowest to the highest score, and what is known of them in this order. */
      order: Uint32Array;
      positive: Uint8Array;
      /** Whether the next has another score. */
      ends: Uint8Array;
      weight: Float64Array | undefined;
    }
  | { kind: 'quantile'; order: Uint32Array; values: Float64Array; at: number };

/** One row of numbers for each resample from `from` to `to`. */
export interface Drawn {
  blocks: Float64Array;
  kinds: Float64Array[];
  walks: Float64Array[];
}

/**
 * Draws resamples with replacement, each from a generator of its own (xoshiro128**, Blackman and Vigna, 2021), so that
 * neither the number of threads nor the order of the work changes them. Self-contained, since its source text is what
 * worker threads run.
 */
export function makeKernel(): (draws: Draws, from: number, to: number) => Drawn {
  // Blocks of 2^10 examples stay in the fastest cache, and one random word has three positions in one.
  const [blockSize, blockMask] = [1024, 1023];
  const state = new Int32Array(4);

  /** Each word of the state is a hash of all three, so that no two streams are the same. */
  function seedState(seed: number, stream: number, block: number): void {
    for (let i = 0; i < 4; i++)
      state[i] = mix(mix(mix(Math.imul(i + 1, 0x9e3779b9) ^ seed) ^ stream) ^ block);
  }

  /** MurmurHash3's last steps. */
  function mix(x: number): number {
    let mixed = (x + 0x6d2b79f5) | 0;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return mixed ^ (mixed >>> 16);
  }

  function word(): number {
    let a = (state[0] as number) | 0;
    let b = (state[1] as number) | 0;
    let c = (state[2] as number) | 0;
    let d = (state[3] as number) | 0;
    const five = Math.imul(b, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9);
    const t = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= t;
    d = (d << 11) | (d >>> 21);
    state[0] = a;
    state[1] = b;
    state[2] = c;
    state[3] = d;
    return result >>> 0;
  }

  /** Between 0 and 1, neither of them, with 52 bits. */
  function uniform(): number {
    return ((word() >>> 6) * 2 ** 26 + (word() >>> 6) + 0.5) / 2 ** 52;
  }

  /** Less than `limit`, which is at most 2^31, each as likely: what is too high is drawn again. */
  function below(limit: number): number {
    const mask = 0xffffffff >>> Math.clz32(limit - 1);
    for (;;) {
      const drawn = word() & mask;
      if (drawn < limit) return drawn;
    }
  }

  const stirling = [
    0.08106146679532726, 0.04134069595540929, 0.02767792568499834, 0.02079067210376509, 0.01664469118982119,
    0.01387612882307075, 0.01189670994589177, 0.01041126526197209, 0.009255462182712733, 0.008330563433362871,
  ];
  function correction(k: number): number {
    if (k < 10) return stirling[k] as number;
    const squared = (k + 1) ** 2;
    return (1 / 12 - (1 / 360 - 1 / 1260 / squared) / squared) / (k + 1);
  }

  /** A binomial number: by inversion for few, by Hörmann's transformed rejection (BTRS, 1993) for many. */
  function binomial(n: number, p: number): number {
    if (n <= 0 || p <= 0) return 0;
    if (p >= 1) return n;
    if (p > 0.5) return n - binomial(n, 1 - p);
    const q = 1 - p;
    if (n * p < 10) {
      let [share, k] = [Math.exp(n * Math.log1p(-p)), 0];
      let left = uniform();
      while (left > share && k < n) {
        left -= share;
        k++;
        share *= ((n - k + 1) * p) / (k * q);
      }
      return k;
    }
    const spread = Math.sqrt(n * p * q);
    const b = 1.15 + 2.53 * spread;
    const a = -0.0873 + 0.0248 * b + 0.01 * p;
    const centre = n * p + 0.5;
    const sure = 0.92 - 4.2 / b;
    const ratio = p / q;
    const alpha = (2.83 + 5.1 / b) * spread;
    const m = Math.floor((n + 1) * p);
    for (;;) {
      const u = uniform() - 0.5;
      const v = uniform();
      const us = 0.5 - Math.abs(u);
      const k = Math.floor(((2 * a) / us + b) * u + centre);
      if (us >= 0.07 && v <= sure) return k;
      if (k < 0 || k > n) continue;
      const height =
        (m + 0.5) * Math.log((m + 1) / (ratio * (n - m + 1))) +
        (n + 1) * Math.log((n - m + 1) / (n - k + 1)) +
        (k + 0.5) * Math.log((ratio * (n - k + 1)) / (k + 1)) +
        correction(m) +
        correction(n - m) -
        correction(k) -
        correction(n - k);
      if (Math.log((v * alpha) / (a / (us * us) + b)) <= height) return k;
    }
  }

  type Columns = NonNullable<Draws['blocks']>;

  /**
   * Sums of resamples: first how many draws of each fall into each block, then the draws within the blocks, one block
   * after the other for all of them. The same distribution as drawing from all examples, without jumping over them.
   */
  function sumBlocks({ seed, strata }: Draws, columns: Columns, from: number, sums: Float64Array): void {
    const { width } = columns;
    const rows = sums.length / width;
    const blocks = blocksOf(strata);
    const counts = new Int32Array(rows * blocks.length);
    for (let row = 0; row < rows; row++) {
      seedState(seed, 3 * (from + row), 0);
      let [draws, left] = [0, 0];
      for (const [at, { examples, stratum }] of blocks.entries()) {
        if (left === 0) draws = left = strata[stratum] as number;
        const count = binomial(draws, examples / left);
        counts[row * blocks.length + at] = count;
        draws -= count;
        left -= examples;
      }
    }
    for (const [at, { start, examples }] of blocks.entries())
      for (let row = 0; row < rows; row++) {
        seedState(seed, 3 * (from + row), at + 1);
        const draws = counts[row * blocks.length + at] as number;
        const own = sums.subarray(row * width, (row + 1) * width);
        if (examples < blockSize) sumSome(draws, examples, start, columns, own);
        else if (width === 1) sumOne(draws, start, columns, own);
        else if (width === 2) sumTwo(draws, start, columns, own);
        else sumMany(draws, start, columns, own);
      }
  }

  function blocksOf(strata: readonly number[]): { start: number; examples: number; stratum: number }[] {
    let first = 0;
    return strata.flatMap((size, stratum) => {
      const start = first;
      first += size;
      return Array.from({ length: Math.ceil(size / blockSize) }, (_, i) => ({
        start: start + i * blockSize,
        examples: Math.min(blockSize, size - i * blockSize),
        stratum,
      }));
    });
  }

  /** Of a block that is not full, or of draws that three do not go into. */
  function sumSome(
    draws: number,
    examples: number,
    start: number,
    { width, values }: Columns,
    sums: Float64Array,
  ): void {
    for (let i = 0; i < draws; i++) {
      const at = (start + (examples === blockSize ? word() & blockMask : below(examples))) * width;
      for (let c = 0; c < width; c++) sums[c] = (sums[c] as number) + (values[at + c] as number);
    }
  }

  function sumMany(draws: number, start: number, columns: Columns, sums: Float64Array): void {
    const { width, values } = columns;
    let i = 0;
    for (; i + 3 <= draws; i += 3) {
      const random = word();
      const x = (start + (random >>> 22)) * width;
      const y = (start + ((random >>> 12) & blockMask)) * width;
      const z = (start + ((random >>> 2) & blockMask)) * width;
      for (let c = 0; c < width; c++)
        sums[c] =
          (sums[c] as number) +
          ((values[x + c] as number) + ((values[y + c] as number) + (values[z + c] as number)));
    }
    sumSome(draws - i, blockSize, start, columns, sums);
  }

  // The two that most metrics need have the generator written into their loops: a call for each draw takes longer.
  function sumOne(draws: number, start: number, columns: Columns, sums: Float64Array): void {
    const block = columns.values.subarray(start, start + blockSize);
    let a = (state[0] as number) | 0;
    let b = (state[1] as number) | 0;
    let c = (state[2] as number) | 0;
    let d = (state[3] as number) | 0;
    let sum = sums[0] as number;
    let i = 0;
    for (; i + 3 <= draws; i += 3) {
      const five = Math.imul(b, 5);
      const random = Math.imul((five << 7) | (five >>> 25), 9);
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
      sum +=
        (block[random >>> 22] as number) +
        ((block[(random >>> 12) & blockMask] as number) + (block[(random >>> 2) & blockMask] as number));
    }
    sums[0] = sum;
    keep(a, b, c, d);
    sumSome(draws - i, blockSize, start, columns, sums);
  }

  function sumTwo(draws: number, start: number, columns: Columns, sums: Float64Array): void {
    const block = columns.values.subarray(2 * start, 2 * (start + blockSize));
    let a = (state[0] as number) | 0;
    let b = (state[1] as number) | 0;
    let c = (state[2] as number) | 0;
    let d = (state[3] as number) | 0;
    let first = sums[0] as number;
    let second = sums[1] as number;
    let i = 0;
    for (; i + 3 <= draws; i += 3) {
      const five = Math.imul(b, 5);
      const random = Math.imul((five << 7) | (five >>> 25), 9);
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
      const x = (random >>> 22) << 1;
      const y = ((random >>> 12) & blockMask) << 1;
      const z = ((random >>> 2) & blockMask) << 1;
      first += (block[x] as number) + ((block[y] as number) + (block[z] as number));
      second += (block[x + 1] as number) + ((block[y + 1] as number) + (block[z + 1] as number));
    }
    sums[0] = first;
    sums[1] = second;
    keep(a, b, c, d);
    sumSome(draws - i, blockSize, start, columns, sums);
  }

  function keep(a: number, b: number, c: number, d: number): void {
    state[0] = a;
    state[1] = b;
    state[2] = c;
    state[3] = d;
  }

  function drawKinds(strata: readonly number[], kinds: Float64Array, drawn: Float64Array): void {
    let kind = 0;
    for (const size of strata) {
      let draws = size;
      for (let left = size; left > 0; kind++) {
        const count = kinds[kind] as number;
        drawn[kind] = binomial(draws, count / left);
        draws -= drawn[kind] as number;
        left -= count;
      }
    }
  }

  function drawExamples(strata: readonly number[], counts: Uint32Array): void {
    counts.fill(0);
    let start = 0;
    for (const size of strata) {
      for (let i = 0; i < size; i++) {
        const at = start + below(size);
        counts[at] = (counts[at] as number) + 1;
      }
      start += size;
    }
  }

  function walk(one: Walk, counts: Uint32Array, result: Float64Array): void {
    if (one.kind === 'cells') {
      const width = one.columns.length;
      for (let c = 0; c < width; c++) {
        const column = one.columns[c] as Float64Array;
        for (let i = 0; i < column.length; i++) {
          const at = (one.cell ? (one.cell[i] as number) * width : 0) + c;
          result[at] = (result[at] as number) + (counts[i] as number) * (column[i] as number);
        }
      }
    } else if (one.kind === 'quantile') result[0] = quantileOf(one, counts);
    else result[0] = one.kind === 'auc' ? aucOf(one, counts) : precisionOf(one, counts);
  }

  type Ranked = Extract<Walk, { ends: Uint8Array }>;

  function aucOf({ order, positive, ends, weight }: Ranked, counts: Uint32Array): number {
    let [negatives, positives, pairs, tied, tiedPositives] = [0, 0, 0, 0, 0];
    for (let i = 0; i < order.length; i++) {
      const count = counts[order[i] as number] as number;
      const w = weight ? count * (weight[i] as number) : count;
      tied += w;
      tiedPositives += w * (positive[i] as number); // No branch: which is positive cannot be foretold.
      if (!ends[i]) continue;
      const tiedNegatives = tied - tiedPositives;
      pairs += tiedPositives * (negatives + tiedNegatives / 2);
      negatives += tiedNegatives;
      positives += tiedPositives;
      tied = 0;
      tiedPositives = 0;
    }
    return pairs / (positives * negatives);
  }

  function precisionOf({ order, positive, ends, weight }: Ranked, counts: Uint32Array): number {
    let [hits, seen, sum, tiedHits] = [0, 0, 0, 0];
    for (let i = order.length - 1; i >= 0; i--) {
      const count = counts[order[i] as number] as number;
      const w = weight ? count * (weight[i] as number) : count;
      if (positive[i]) tiedHits += w;
      seen += w;
      if (i > 0 && !ends[i - 1]) continue;
      hits += tiedHits;
      if (tiedHits) sum += tiedHits * (hits / seen);
      tiedHits = 0;
    }
    return sum / hits;
  }

  function quantileOf({ order, values, at }: Extract<Walk, { at: number }>, counts: Uint32Array): number {
    const position = at * (order.length - 1);
    const [lower, part] = [Math.floor(position), position - Math.floor(position)];
    let [seen, low] = [0, Number.NaN];
    for (let from = 0; from < order.length; from++) {
      const i = order[from] as number;
      seen += counts[i] as number;
      if (Number.isNaN(low) && seen > lower) low = values[i] as number;
      if (seen > lower + 1 || from === order.length - 1) return low + ((values[i] as number) - low) * part;
    }
    return Number.NaN;
  }

  return (draws, from, to) => {
    const { seed, strata, blocks, kinds, walks } = draws;
    const rows = to - from;
    const drawn: Drawn = {
      blocks: new Float64Array(rows * (blocks?.width ?? 0)),
      kinds: kinds.map((counts) => new Float64Array(rows * counts.length)),
      walks: walks.map(
        (one) => new Float64Array(rows * (one.kind === 'cells' ? one.cells * one.columns.length : 1)),
      ),
    };
    const rowOf = (all: Float64Array, row: number) => {
      const width = all.length / rows;
      return all.subarray(row * width, (row + 1) * width);
    };
    if (blocks) sumBlocks(draws, blocks, from, drawn.blocks);
    const counts = new Uint32Array(walks.length ? strata.reduce((sum, size) => sum + size, 0) : 0);
    for (let row = 0; row < rows; row++) {
      for (const [i, one] of kinds.entries()) {
        seedState(seed, 3 * (from + row) + 1, 0);
        drawKinds(strata, one, rowOf(drawn.kinds[i] as Float64Array, row));
      }
      if (walks.length === 0) continue;
      seedState(seed, 3 * (from + row) + 2, 0);
      drawExamples(strata, counts);
      for (const [i, one] of walks.entries()) walk(one, counts, rowOf(drawn.walks[i] as Float64Array, row));
    }
    return drawn;
  };
}
