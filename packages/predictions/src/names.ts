/** Distinct texts such as the names of classes, numbered in the order in which they came up. */
export class Names {
  readonly #numbers = new Map<string, number>();

  /** The number of a name, which may be new. */
  add(name: string): number {
    return this.#numbers.get(name) ?? this.#learn(name);
  }

  #learn(name: string): number {
    const number = this.#numbers.size;
    // A copy: a part of a text keeps all of the text in memory.
    this.#numbers.set(structuredClone(name), number);
    return number;
  }

  [Symbol.iterator](): Iterator<string> {
    return this.#numbers.keys();
  }
}
