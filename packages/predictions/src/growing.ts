type Numbers = Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/** A typed array to which numbers are added at its end: a column while the number of its rows is not known. */
export class Growing<Kind extends Numbers> {
  readonly #kind: new (
    buffer: ArrayBuffer,
  ) => Kind;
  #numbers: Numbers;
  #length = 0;

  constructor(kind: new (buffer: ArrayBuffer) => Kind) {
    this.#kind = kind;
    this.#numbers = new kind(new ArrayBuffer(1 << 13));
  }

  get length(): number {
    return this.#length;
  }

  at(i: number): number {
    return this.#numbers[i] as number;
  }

  push(number: number): void {
    // A transfer frees what was at once, and not when garbage is next collected.
    if (this.#length === this.#numbers.length)
      this.#numbers = new this.#kind(this.#numbers.buffer.transfer(2 * this.#numbers.byteLength));
    this.#numbers[this.#length++] = number;
  }

  /** A copy of the numbers so far, no longer than they are. */
  toArray(): Kind {
    return this.#numbers.slice(0, this.#length) as Kind;
  }
}
