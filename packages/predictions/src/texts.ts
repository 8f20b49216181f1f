import { Growing } from './growing.ts';
import { Names } from './names.ts';

/** What examples are told apart by, such as a site or a query. */
export interface Slice {
  readonly values: readonly string[];
  /** Of each example, the index of its value. */
  readonly index: Int32Array;
}

/** A column of texts of which many are equal: each is kept once. */
export class Texts {
  readonly #values = new Names();
  readonly #index = new Growing(Int32Array);

  add(text: string): void {
    this.#index.push(this.#values.add(text));
  }

  toSlice(): Slice {
    return { values: [...this.#values], index: this.#index.toArray() };
  }
}
