/** Names of classes, numbered in the order in which they came up; columns share them. */
export class Names {
  readonly #numbers = new Map<string, number>();

  get size(): number {
    return this.#numbers.size;
  }

  add(name: string): number {
    const number = this.#numbers.get(name) ?? this.#numbers.size;
    if (number === this.#numbers.size) this.#numbers.set(name, number);
    return number;
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#numbers.keys();
  }
}
