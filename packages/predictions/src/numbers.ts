import type { Place, UserError } from '@mlops/core';
import { bad, numberIn } from './cells.ts';
import { Growing } from './growing.ts';

/** A column of finite numbers. The first cell that holds none is an error, but only for who asks for the numbers. */
export class Numbers {
  readonly #name: string;
  readonly #least: number;
  readonly #numbers = new Growing(Float64Array);
  #bad: UserError | undefined;

  constructor(name: string, least = Number.NEGATIVE_INFINITY) {
    this.#name = name;
    this.#least = least;
  }

  add(value: unknown, place: Place): void {
    const number = numberIn(value);
    this.#numbers.push(number);
    if (number >= this.#least || this.#bad) return;
    const wanted = Number.isNaN(number) ? 'a finite number' : `at least ${this.#least}`;
    this.#bad = bad(this.#name, value, wanted, place);
  }

  toArray(): Float64Array {
    if (this.#bad) throw this.#bad;
    return this.#numbers.toArray();
  }
}
