/** Fewer rows are sorted by comparing them. */
const few = 24;

/**
 * Sorts rows by digits from -1, which stands behind the last one, to 255, most significant first: a radix sort reads
 * each digit about three times, where comparisons of a million texts would read most of them twenty times.
 */
export function sortByDigits(rows: Int32Array, digitAt: (row: number, depth: number) => number): Int32Array {
  const spare = new Int32Array(rows.length);
  const places = new Int32Array(258);

  const sort = (low: number, high: number, from: number): void => {
    let depth = from;
    while (allHaveSame(low, high, depth)) depth++;
    // The place of each digit's next row: first how many rows the digit before it has.
    places.fill(0);
    for (let i = low; i < high; i++) {
      const digit = digitAt(rows[i] as number, depth);
      places[digit + 2] = (places[digit + 2] as number) + 1;
    }
    for (let i = 1; i < places.length; i++) places[i] = (places[i] as number) + (places[i - 1] as number);
    for (let i = low; i < high; i++) {
      const row = rows[i] as number;
      const digit = digitAt(row, depth);
      const place = places[digit + 1] as number;
      places[digit + 1] = place + 1;
      spare[place] = row;
    }
    rows.set(spare.subarray(0, high - low), low);
    for (let from = low, to = low; from < high; from = to) {
      const digit = digitAt(rows[from] as number, depth);
      while (to < high && digitAt(rows[to] as number, depth) === digit) to++;
      if (to - from < few) insert(from, to, depth);
      else if (digit >= 0) sort(from, to, depth + 1);
    }
  };

  const allHaveSame = (low: number, high: number, depth: number): boolean => {
    const digit = digitAt(rows[low] as number, depth);
    let i = low + 1;
    while (i < high && digitAt(rows[i] as number, depth) === digit) i++;
    return digit >= 0 && i === high;
  };

  const insert = (low: number, high: number, depth: number): void => {
    for (let i = low + 1; i < high; i++) {
      const row = rows[i] as number;
      let to = i;
      for (; to > low && isLess(row, rows[to - 1] as number, depth); to--) rows[to] = rows[to - 1] as number;
      rows[to] = row;
    }
  };

  const isLess = (a: number, b: number, from: number): boolean => {
    for (let depth = from; ; depth++) {
      const [one, other] = [digitAt(a, depth), digitAt(b, depth)];
      if (one !== other) return one < other;
      if (one < 0) return false;
    }
  };

  if (rows.length) sort(0, rows.length, 0);
  return rows;
}
