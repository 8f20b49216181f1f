/** Which of the values that a point stands for it shows. */
export type Shown = 'mean' | 'highest' | 'lowest';

interface Cell {
  /** Of the values, each times the seconds that it stands for. */
  sum: number;
  seconds: number;
  low: number;
  high: number;
}

interface Point {
  seconds: number;
  samples: number;
  cells: Map<string, Cell>;
}

/**
 * Values over a time of any length, in a bounded number of points: when these are full, each two neighbours become one,
 * and later points stand for twice as many samples. In a mean, a sample counts by the time since the one before.
 */
export class History {
  readonly #most: number;
  readonly #points: Point[] = [];
  #samplesPerPoint = 1;
  #secondsBefore = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Takes a sample; a value that is not known is undefined or left out. */
  add(seconds: number, values: Readonly<Record<string, number | undefined>>): void {
    const weight = Math.max(seconds - this.#secondsBefore, Number.EPSILON);
    this.#secondsBefore = seconds;
    const cells = new Map<string, Cell>();
    for (const [name, value] of Object.entries(values))
      if (value !== undefined)
        cells.set(name, { sum: value * weight, seconds: weight, low: value, high: value });
    const sample = { seconds, samples: 1, cells };
    const last = this.#points.at(-1);
    if (last && last.samples < this.#samplesPerPoint) {
      this.#points[this.#points.length - 1] = merged(last, sample);
      return;
    }
    if (this.#points.length >= this.#most) this.#halve();
    this.#points.push(sample);
  }

  /** When each point ended, in seconds. */
  get seconds(): number[] {
    return this.#points.map(({ seconds }) => seconds);
  }

  /** One value at each point; null where no sample knew it. */
  column(name: string, shown: Shown): (number | null)[] {
    return this.#points.map(({ cells }) => {
      const cell = cells.get(name);
      if (!cell) return null;
      if (shown === 'mean') return cell.sum / cell.seconds;
      return shown === 'highest' ? cell.high : cell.low;
    });
  }

  /** Over all samples; null when none knew the value. */
  overall(name: string, shown: Shown): number | null {
    const values = this.column(name, shown).filter((value) => value !== null);
    if (!values.length) return null;
    if (shown === 'highest') return Math.max(...values);
    if (shown === 'lowest') return Math.min(...values);
    const cells = this.#points.flatMap(({ cells }) => cells.get(name) ?? []);
    return (
      cells.reduce((total, { sum }) => total + sum, 0) /
      cells.reduce((total, { seconds }) => total + seconds, 0)
    );
  }

  #halve(): void {
    const before = this.#points.splice(0);
    for (let i = 0; i < before.length; i += 2) {
      const [first, second] = [before[i] as Point, before[i + 1]];
      this.#points.push(second ? merged(first, second) : first);
    }
    this.#samplesPerPoint *= 2;
  }
}

function merged(a: Point, b: Point): Point {
  const cells = new Map(a.cells);
  for (const [name, cell] of b.cells) {
    const other = cells.get(name);
    cells.set(
      name,
      other
        ? {
            sum: other.sum + cell.sum,
            seconds: other.seconds + cell.seconds,
            low: Math.min(other.low, cell.low),
            high: Math.max(other.high, cell.high),
          }
        : cell,
    );
  }
  return { seconds: b.seconds, samples: a.samples + b.samples, cells };
}
