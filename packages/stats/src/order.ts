/** Metrics, intervals and plots of one column of scores share its order. */
const known = new WeakMap<Float64Array, Uint32Array>();

/** The positions of `values` from the lowest to the highest; equal ones keep their order. NaN is not allowed. */
export function ascending(values: Float64Array): Uint32Array {
  const before = known.get(values);
  if (before) return before;
  const order = values.length < fewValues ? byComparison(values) : byRadix(values);
  known.set(values, order);
  return order;
}

/**
 * Finds the order of some of the values by that of all, without sorting them again.
 *
 * @param place Of each of all values, its position among those that were picked; -1 where it was not
 */
export function orderPicked(picked: Float64Array, all: Float64Array, place: Int32Array): void {
  const order = new Uint32Array(picked.length);
  let next = 0;
  for (const position of ascending(all)) {
    const at = place[position] as number;
    if (at >= 0) order[next++] = at;
  }
  known.set(picked, order);
}

/** Up to so many, the digits of a radix sort take longer than comparisons. */
const fewValues = 3000;

function byComparison(values: Float64Array): Uint32Array {
  return Uint32Array.from(values, (_, i) => i).sort(
    (a, b) => (values[a] as number) - (values[b] as number) || a - b,
  );
}

/** Over the bits of the numbers: of many, several times as fast as sorting with a comparison. */
function byRadix(values: Float64Array): Uint32Array {
  const size = values.length;
  const words = new Uint32Array(Float64Array.from(values, (value) => value + 0).buffer); // -0 becomes 0
  const [low, high] = littleEndian ? [0, 1] : [1, 0];
  for (let i = 0; i < size; i++) {
    const top = words[2 * i + high] as number;
    // Negative numbers the other way round, below the positive ones: then the bits are in the numbers' order.
    const negative = top >>> 31;
    words[2 * i + high] = negative ? ~top : top ^ 0x80000000;
    if (negative) words[2 * i + low] = ~(words[2 * i + low] as number);
  }
  let order = Uint32Array.from({ length: size }, (_, i) => i);
  let next = new Uint32Array(size);
  const counts = new Uint32Array(65_536);
  for (const [word, shift] of [
    [low, 0],
    [low, 16],
    [high, 0],
    [high, 16],
  ] as const) {
    counts.fill(0);
    for (let i = 0; i < size; i++) {
      const digit = ((words[2 * i + word] as number) >>> shift) & 0xffff;
      counts[digit] = (counts[digit] as number) + 1;
    }
    if (counts.includes(size)) continue;
    for (let digit = 0, start = 0; digit < counts.length; digit++) {
      const count = counts[digit] as number;
      counts[digit] = start;
      start += count;
    }
    for (let i = 0; i < size; i++) {
      const position = order[i] as number;
      const digit = ((words[2 * position + word] as number) >>> shift) & 0xffff;
      next[counts[digit] as number] = position;
      counts[digit] = (counts[digit] as number) + 1;
    }
    [order, next] = [next, order];
  }
  return order;
}

const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** How many of the sorted values come before the first that is `beyond`. */
export function countBefore(sorted: Float64Array, beyond: (value: number) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (beyond(sorted[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A quantile, interpolated linearly between the sorted values, as NumPy's default does. */
export function quantileOf(sorted: Float64Array, at: number): number {
  const position = at * (sorted.length - 1);
  const below = Math.floor(position);
  const [low, high] = [sorted[below] as number, sorted[Math.min(below + 1, sorted.length - 1)] as number];
  return low + (high - low) * (position - below);
}
