import type { Place, UserError } from '@mlops/core';
import { bad, className, numberIn } from './cells.ts';
import { Growing } from './growing.ts';
import type { Names } from './names.ts';

/**
 * A column of labels or predictions, which are classes or numbers: which of them may be known only at the end. Until
 * then each distinct value is kept once, beside its index for each example; `forgetNames` keeps numbers instead.
 */
export class Values {
  /** Whether all so far look like numbers, and like whole ones. */
  allNumbers = true;
  allWhole = true;
  readonly #column: string;
  /** The names of all classes, which the columns share. */
  readonly #names: Names;
  /** Numbers of names by value, and what those names are as numbers. */
  readonly #known = new Map<unknown, number>();
  readonly #asNumber: number[] = [];
  #index: Growing<Int32Array<ArrayBuffer>> | undefined = new Growing(Int32Array);
  #numbers = new Growing(Float64Array);
  #noNumber: UserError | undefined;
  #noClass: UserError | undefined;

  constructor(column: string, names: Names) {
    this.#column = column;
    this.#names = names;
  }

  /** Adds the value of one example; undefined where its file has no such column. */
  add(value: unknown, place: Place): void {
    if (this.#index) this.#index.push(this.#known.get(value) ?? this.#learn(value, place));
    else this.#numbers.push(this.#look(value, place));
  }

  #learn(value: unknown, place: Place): number {
    const number = this.#look(value, place);
    const name = className(value);
    if (value === undefined || /^[-+]?(nan|inf|infinity)$/i.test(name))
      this.#noClass ??= bad(this.#column, value, 'a class', place);
    const index = value === undefined ? -1 : this.#names.add(name);
    this.#known.set(value, index);
    this.#asNumber[index] = number;
    return index;
  }

  /** The value as a number, after a look at what all of them are. */
  #look(value: unknown, place: Place): number {
    const likeNumber = Number(String(value));
    this.allNumbers &&= Number.isFinite(likeNumber);
    this.allWhole &&= Number.isInteger(likeNumber);
    const number = numberIn(value);
    if (Number.isNaN(number)) this.#noNumber ??= bad(this.#column, value, 'a finite number', place);
    return number;
  }

  /** From now on only numbers are kept, which takes less memory where nearly all values differ. */
  forgetNames(): void {
    for (const index of this.#index?.view() ?? []) this.#numbers.push(this.#asNumber[index] ?? Number.NaN);
    this.#index = undefined;
    this.#known.clear();
  }

  /** How many values are kept as names. */
  get known(): number {
    return this.#known.size;
  }

  get knowsNames(): boolean {
    return this.#index !== undefined;
  }

  /** How many classes there are, or numbers. */
  get distinct(): number {
    if (this.#index) return new Set(this.#known.values()).size;
    return this.#numbers
      .view()
      .toSorted()
      .reduce((count, number, i, sorted) => count + (i > 0 && number === sorted[i - 1] ? 0 : 1), 0);
  }

  toNumbers(): Float64Array {
    if (this.#noNumber) throw this.#noNumber;
    return this.#index ? picked(this.#asNumber, this.#index.view()) : this.#numbers.toArray();
  }

  /** Of each example the index of its class among `classes`. */
  toClasses(classes: readonly string[]): Float64Array {
    if (this.#noClass) throw this.#noClass;
    if (!this.#index) throw new Error('the names of the classes were forgotten');
    const places = new Map(classes.map((name, i) => [name, i]));
    const place = Array.from(this.#names, (name) => places.get(name) as number);
    return picked(place, this.#index.view());
  }
}

function picked(from: readonly number[], index: Int32Array): Float64Array {
  const numbers = new Float64Array(index.length);
  for (let i = 0; i < index.length; i++) numbers[i] = from[index[i] as number] as number;
  return numbers;
}
