import { createHash, type Hash } from 'node:crypto';
import type { Predictions } from '@mlops/stats';
import type { Ids } from './ids.ts';

/** Digests that are the same for every format and, with ids, for every order of the examples. */
export function digests(p: Predictions, ids: Ids | undefined): { digest: string; testSet: string } {
  const all = new Lines();
  const test = new Lines();
  all.add(JSON.stringify([p.task, p.positive === undefined ? null : p.classes[p.positive]]));
  const width = p.score ? p.score.length / p.size : 0;
  const names = p.classes.map((name) => JSON.stringify(name));
  const value = (number: number | undefined) =>
    number === undefined || !names.length ? json(number) : (names[number] ?? json(number));
  const order = ids?.order();
  for (let row = 0; row < p.size; row++) {
    const i = order ? (order[row] as number) : row;
    const known = `[${ids ? JSON.stringify(ids.at(i)) : 'null'},${value(p.label[i])}]\n`;
    let scores = '';
    for (let k = i * width; k < (i + 1) * width; k++)
      scores += scores ? `,${json(p.score?.[k])}` : json(p.score?.[k]);
    test.add(known);
    all.add(known);
    all.add(`[${value(p.prediction?.[i])},[${scores}]]\n`);
  }
  return { digest: all.digest(), testSet: test.digest() };
}

/** A number as JSON writes it. */
function json(number: number | undefined): string {
  return Number.isFinite(number) ? String(number) : 'null';
}

/** The digest of text that comes in small pieces: they are hashed together, which is faster. */
class Lines {
  readonly #hash: Hash = createHash('sha256');
  #text = '';

  add(text: string): void {
    this.#text += text;
    if (this.#text.length < 1 << 13) return;
    this.#hash.update(this.#text);
    this.#text = '';
  }

  digest(): string {
    return `sha256:${this.#hash.update(this.#text).digest('hex')}`;
  }
}
