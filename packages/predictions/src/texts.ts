import { Growing } from './growing.ts';

/** What examples are told apart by, such as a site or a query. */
export interface Slice {
  readonly values: readonly string[];
  /** Of each example, the index of its value. */
  readonly index: Int32Array;
}

/** A column of texts of which many are equal: each is kept once. */
export class Texts {
  readonly #numbers = new Map<string, number>();
  readonly #index = new Growing(Int32Array);

  add(text: string): void {
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    if (number === this.#numbers.size) this.#numbers.set(text, number);
    this.#index.push(number);
  }

  toSlice(): Slice {
    return { values: [...this.#numbers.keys()], index: this.#index.toArray() };
  }
}
