/** What resamples are drawn of; arrays are shared between threads. */
export interface Draws {
  seed: number;
  size: number;
  /** Sums of columns of numbers, `width` of them side by side for each example. */
  blocks?: { width: number; values: Float64Array } | undefined;
  /** Examples by kind, where there are few kinds: how many each has. */
  kinds?: Float64Array | undefined;
  /** What is counted example by example. */
  walks?: readonly Walk[] | undefined;
}

export type Walk =
  | { kind: 'cells'; cell: Int32Array; cells: number; columns: readonly Float64Array[] }
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
  kinds: Float64Array;
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

  /** SplitMix32 over all three. */
  function seedState(seed: number, stream: number, block: number): void {
    let x =
      Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^
      Math.imul(stream + 1, 0xc2b2ae35) ^
      Math.imul(block + 1, 0x27d4eb2f);
    for (let i = 0; i < 4; i++) {
      x = (x + 0x9e3779b9) | 0;
      let z = x;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      state[i] = z ^ (z >>> 15);
    }
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

  /**
   * Sums of resamples: first how many draws of each fall into each block, then the draws within the blocks, one block
   * after the other for all of them. The same distribution as drawing from all examples, without jumping over them.
   */
  function sumBlocks(
    { seed, size }: Draws,
    { width, values }: NonNullable<Draws['blocks']>,
    from: number,
    sums: Float64Array,
  ): void {
    const rows = sums.length / width;
    const blocks = Math.ceil(size / blockSize);
    const counts = new Int32Array(rows * blocks);
    for (let row = 0; row < rows; row++) {
      seedState(seed, 3 * (from + row), 0);
      let [draws, examples] = [size, size];
      for (let block = 0; block < blocks; block++) {
        const within = Math.min(blockSize, examples);
        const count = within === examples ? draws : binomial(draws, within / examples);
        counts[row * blocks + block] = count;
        draws -= count;
        examples -= within;
      }
    }
    for (let block = 0; block < blocks; block++) {
      const start = block * blockSize;
      const examples = Math.min(blockSize, size - start);
      for (let row = 0; row < rows; row++) {
        seedState(seed, 3 * (from + row), block + 1);
        const draws = counts[row * blocks + block] as number;
        const own = sums.subarray(row * width, (row + 1) * width);
        if (examples < blockSize || width > 2) sumSome(draws, examples, start, { width, values }, own);
        else if (width === 1) sumOne(draws, start, values, own);
        else sumTwo(draws, start, values, own);
      }
    }
  }

  type Columns = NonNullable<Draws['blocks']>;

  /** Of a block that is not full, or of many columns. */
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

  // The two that most metrics need have the generator written into their loops: a call for each draw takes longer.
  function sumOne(draws: number, start: number, values: Float64Array, sums: Float64Array): void {
    const block = values.subarray(start, start + blockSize);
    let a = (state[0] as number) | 0;
    let b = (state[1] as number) | 0;
    let c = (state[2] as number) | 0;
    let d = (state[3] as number) | 0;
    let first = 0;
    let second = 0;
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
      first += block[random >>> 22] as number;
      second +=
        (block[(random >>> 12) & blockMask] as number) + (block[(random >>> 2) & blockMask] as number);
    }
    sums[0] = (sums[0] as number) + first + second;
    keep(a, b, c, d);
    sumSome(draws - i, blockSize, start, { width: 1, values }, sums);
  }

  function sumTwo(draws: number, start: number, values: Float64Array, sums: Float64Array): void {
    const block = values.subarray(2 * start, 2 * (start + blockSize));
    let a = (state[0] as number) | 0;
    let b = (state[1] as number) | 0;
    let c = (state[2] as number) | 0;
    let d = (state[3] as number) | 0;
    let first = 0;
    let second = 0;
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
    sums[0] = (sums[0] as number) + first;
    sums[1] = (sums[1] as number) + second;
    keep(a, b, c, d);
    sumSome(draws - i, blockSize, start, { width: 2, values }, sums);
  }

  function keep(a: number, b: number, c: number, d: number): void {
    state[0] = a;
    state[1] = b;
    state[2] = c;
    state[3] = d;
  }

  function drawKinds(size: number, kinds: Float64Array, drawn: Float64Array): void {
    let [draws, examples] = [size, size];
    for (let kind = 0; kind < kinds.length; kind++) {
      const count = kinds[kind] as number;
      drawn[kind] = count === examples ? draws : binomial(draws, count / examples);
      draws -= drawn[kind] as number;
      examples -= count;
    }
  }

  function walk(one: Walk, counts: Uint32Array, result: Float64Array): void {
    if (one.kind === 'cells') {
      const width = one.columns.length;
      for (let c = 0; c < width; c++) {
        const column = one.columns[c] as Float64Array;
        for (let i = 0; i < column.length; i++) {
          const at = (one.cell[i] as number) * width + c;
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
    const { seed, size, blocks, kinds, walks = [] } = draws;
    const rows = to - from;
    const drawn: Drawn = {
      blocks: new Float64Array(rows * (blocks?.width ?? 0)),
      kinds: new Float64Array(rows * (kinds?.length ?? 0)),
      walks: walks.map(
        (one) => new Float64Array(rows * (one.kind === 'cells' ? one.cells * one.columns.length : 1)),
      ),
    };
    if (blocks) sumBlocks(draws, blocks, from, drawn.blocks);
    const counts = new Uint32Array(walks.length ? size : 0);
    for (let row = 0; row < rows; row++) {
      if (kinds) {
        seedState(seed, 3 * (from + row) + 1, 0);
        drawKinds(size, kinds, drawn.kinds.subarray(row * kinds.length, (row + 1) * kinds.length));
      }
      if (walks.length === 0) continue;
      seedState(seed, 3 * (from + row) + 2, 0);
      counts.fill(0);
      for (let i = 0; i < size; i++) {
        const at = below(size);
        counts[at] = (counts[at] as number) + 1;
      }
      for (const [i, one] of walks.entries()) {
        const results = drawn.walks[i] as Float64Array;
        const width = results.length / rows;
        walk(one, counts, results.subarray(row * width, (row + 1) * width));
      }
    }
    return drawn;
  };
}
