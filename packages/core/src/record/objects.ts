import type { ScratchRepository } from './git.ts';

/** What is told in place of a content that has more bytes than are read. */
export const tooLarge = Symbol('too large');

/**
 * Contents of objects in the order of their ids, one at a time: undefined for one that is missing, and `tooLarge` for
 * one beyond `limit` bytes, which is passed over without being held.
 */
export async function* contentsOf(
  git: ScratchRepository,
  ids: readonly string[],
  limit: number,
): AsyncGenerator<Buffer | undefined | typeof tooLarge> {
  if (ids.length === 0) return;
  const bytes = new Bytes(git.stream(['cat-file', '--batch'], `${ids.join('\n')}\n`));
  for (const _ of ids) {
    const head = await bytes.line();
    const size = Number(/ blob (\d+)$/.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(size)) {
      if (!head.endsWith(' missing')) throw new Error(`git said '${head}' of an object`);
      yield undefined;
    } else if (size > limit) {
      await bytes.skip(size + 1);
      yield tooLarge;
    } else yield (await bytes.take(size + 1)).subarray(0, size);
  }
  await bytes.end();
}

/** A stream read by lines and by counts of bytes. */
class Bytes {
  readonly #chunks: AsyncGenerator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncGenerator<Buffer>) {
    this.#chunks = chunks;
  }

  async line(): Promise<string> {
    let end = this.#rest.indexOf(10);
    while (end < 0) {
      this.#rest = Buffer.concat([this.#rest, await this.#more()]);
      end = this.#rest.indexOf(10);
    }
    const line = this.#rest.toString('utf8', 0, end);
    this.#rest = this.#rest.subarray(end + 1);
    return line;
  }

  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    await this.#eat(count, (part) => parts.push(part));
    return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
  }

  async skip(count: number): Promise<void> {
    await this.#eat(count, () => {});
  }

  /** Waits for the command, which may have failed after all. */
  async end(): Promise<void> {
    await this.#chunks.next();
  }

  async #eat(count: number, see: (part: Buffer) => void): Promise<void> {
    for (let left = count; left > 0; ) {
      if (this.#rest.length === 0) this.#rest = await this.#more();
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      see(part);
    }
  }

  async #more(): Promise<Buffer> {
    const { value, done } = await this.#chunks.next();
    if (done) throw new Error("git's answer ended too early");
    return value;
  }
}
