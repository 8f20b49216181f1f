import { StringDecoder } from 'node:string_decoder';

/** How a line ended: `\n` (or `\r\n`), or `\r`, after which a terminal writes the next line over it. */
export type LineEnd = '\n' | '\r';

/** Characters after which a line is cut, for the sake of whoever reads lines; of ASCII these are 64 KiB. */
export const longestLine = 64 * 1024;

/**
 * Splits the bytes of a stream into lines as they come, the same for any way in which the bytes are cut into chunks.
 * `see` gets each line and how it ended; the end is empty where a long line was cut and the next one goes on with it.
 * A last line without an end counts as ended by `\n`. A `\r` is told only once it is known that no `\n` follows.
 */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #see: (line: string, end: LineEnd | '') => void;
  readonly #longest: number;
  /** What came since the last end. */
  #open = '';
  /** Whether a `\r` came after it, which a `\n` may follow. */
  #returned = false;

  constructor(see: (line: string, end: LineEnd | '') => void, longest = longestLine) {
    this.#see = see;
    this.#longest = longest;
  }

  write(chunk: Uint8Array): void {
    this.#split(this.#decoder.write(chunk));
  }

  /** Nothing more comes: hands out what is left. */
  end(): void {
    this.#split(this.#decoder.end());
    if (this.#returned) this.#finish('\r');
    else if (this.#open) this.#finish('\n');
  }

  #split(text: string): void {
    let from = 0;
    if (this.#returned && text) {
      if (text.startsWith('\n')) from = 1;
      this.#finish(from ? '\n' : '\r');
    }
    for (const { 0: end, index } of text.matchAll(/\r?\n|\r/g)) {
      if (index < from) continue;
      this.#add(text.slice(from, index));
      from = index + end.length;
      if (end === '\r' && from === text.length) this.#returned = true;
      else this.#finish(end === '\r' ? '\r' : '\n');
    }
    this.#add(text.slice(from));
  }

  #add(text: string): void {
    this.#open += text;
    while (this.#open.length > this.#longest) {
      // Not between the two halves of a character.
      const isHigh = (this.#open.charCodeAt(this.#longest - 1) & 0xfc00) === 0xd800;
      const cut = isHigh ? this.#longest - 1 : this.#longest;
      this.#see(this.#open.slice(0, cut), '');
      this.#open = this.#open.slice(cut);
    }
  }

  #finish(end: LineEnd): void {
    const line = this.#open;
    this.#open = '';
    this.#returned = false;
    this.#see(line, end);
  }
}
