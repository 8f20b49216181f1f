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

  /** The numbers so far, in the same memory. */
  view(): Kind {
    return this.#numbers.subarray(0, this.#length) as Kind;
  }

  /** All numbers in memory of that size; no more can be added. */
  toArray(): Kind {
    const { buffer, BYTES_PER_ELEMENT } = this.#numbers;
    return new this.#kind(buffer.transfer(this.#length * BYTES_PER_ELEMENT));
  }
}
