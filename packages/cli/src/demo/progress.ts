/** What the demo prints while it works: one line for each step, with the time it took. */
export class Progress {
  readonly #started = performance.now();

  /** Announces work and, when it is done, says how long it took. */
  async step<T>(what: string, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    console.log(`▸ ${what}`);
    const result = await work();
    console.log(`  ${seconds(performance.now() - started)}`);
    return result;
  }

  line(text: string): void {
    console.log(text);
  }

  /** Since the demo started. */
  get total(): string {
    return seconds(performance.now() - this.#started);
  }
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
