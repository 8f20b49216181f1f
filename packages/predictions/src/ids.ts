import { Growing } from './growing.ts';
import { sortByDigits } from './radix.ts';

/**
 * Distinct ids in their order, and where each stands. A million strings and a `Map` of them would take more memory than
 * all else: here the ids' code units stand in one array, and rows in a hash table with open addressing.
 */
export class Ids implements Iterable<string> {
  /** One byte for each code unit, as long as all fit. */
  #units: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> = new Uint8Array(1 << 14);
  /** The same memory, to make strings of. */
  #bytes: Buffer | undefined;
  readonly #ends = new Growing(Int32Array);
  readonly #hashes = new Growing(Int32Array);
  /** Rows, from 1; 0 is free. At most half of them are taken. */
  #slots = new Int32Array(1 << 11);

  constructor(ids: Iterable<string> = []) {
    for (const id of ids) this.add(id);
  }

  get length(): number {
    return this.#ends.length;
  }

  /** Adds an id; says whether it is new. */
  add(id: string): boolean {
    const start = this.#start(this.length);
    const end = start + id.length;
    this.#write(id, start);
    const hash = hashOf(this.#units, start, end);
    const slot = this.#slotOf(hash, this.#units, start, end);
    if (this.#slots[slot]) return false;
    this.#ends.push(end);
    this.#hashes.push(hash);
    this.#slots[slot] = this.length;
    if (2 * this.length > this.#slots.length) this.#addSlots();
    return true;
  }

  at(row: number): string {
    const width = this.#units.BYTES_PER_ELEMENT;
    this.#bytes ??= Buffer.from(this.#units.buffer);
    const [start, end] = [this.#start(row) * width, this.#start(row + 1) * width];
    return this.#bytes.toString(width === 1 ? 'latin1' : 'utf16le', start, end);
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let row = 0; row < this.length; row++) yield this.at(row);
  }

  /** The row of the id that stands in a row of `others`, or -1. As a rule, it is the same row. */
  find(others: Ids, row: number): number {
    const [units, start, end] = [others.#units, others.#start(row), others.#start(row + 1)];
    if (row < this.length && this.#stands(row, units, start, end)) return row;
    return (this.#slots[this.#slotOf(others.#hashes.at(row), units, start, end)] as number) - 1;
  }

  /** All rows, ordered by the code units of their ids. */
  order(): Int32Array {
    const units = this.#units;
    const rows = Int32Array.from({ length: this.length }, (_, row) => row);
    const byteAt =
      units instanceof Uint8Array
        ? (row: number, depth: number) => {
            const at = this.#start(row) + depth;
            return at < this.#start(row + 1) ? (units[at] as number) : -1;
          }
        : (row: number, depth: number) => {
            const at = this.#start(row) + (depth >> 1);
            return at < this.#start(row + 1) ? ((units[at] as number) >> (depth % 2 ? 0 : 8)) & 0xff : -1;
          };
    return sortByDigits(rows, byteAt);
  }

  #start(row: number): number {
    return row === 0 ? 0 : this.#ends.at(row - 1);
  }

  #write(id: string, start: number): void {
    if (start + id.length > this.#units.length) this.#addUnits(start + id.length);
    let units = this.#units;
    for (let i = 0; i < id.length; i++) {
      const unit = id.charCodeAt(i);
      if (unit > 0xff && units instanceof Uint8Array) units = new Uint16Array(units);
      units[start + i] = unit;
    }
    if (units !== this.#units) this.#bytes = undefined;
    this.#units = units;
  }

  #addUnits(needed: number): void {
    this.#resize(Math.max(2 * this.#units.length, needed));
  }

  /** Gives back the memory that was for more ids. */
  trim(): void {
    this.#resize(this.#start(this.length));
  }

  #resize(length: number): void {
    this.#bytes = undefined;
    const buffer = this.#units.buffer.transfer(length * this.#units.BYTES_PER_ELEMENT);
    this.#units = this.#units instanceof Uint8Array ? new Uint8Array(buffer) : new Uint16Array(buffer);
  }

  #addSlots(): void {
    const slots = new Int32Array(2 * this.#slots.length);
    const last = slots.length - 1;
    for (const [row, hash] of this.#hashes.view().entries()) {
      let slot = hash & last;
      while (slots[slot]) slot = (slot + 1) & last;
      slots[slot] = row + 1;
    }
    this.#slots = slots;
  }

  /** Where the row of an id is, or would be. */
  #slotOf(hash: number, units: Uint8Array | Uint16Array, start: number, end: number): number {
    const slots = this.#slots;
    const last = slots.length - 1;
    for (let slot = hash & last; ; slot = (slot + 1) & last) {
      const row = (slots[slot] as number) - 1;
      if (row < 0 || (this.#hashes.at(row) === hash && this.#stands(row, units, start, end))) return slot;
    }
  }

  #stands(row: number, units: Uint8Array | Uint16Array, start: number, end: number): boolean {
    const from = this.#start(row) - start;
    if (this.#start(row + 1) - from !== end) return false;
    const known = this.#units;
    for (let i = start; i < end; i++) if (units[i] !== known[from + i]) return false;
    return true;
  }
}

/** FNV-1a of code units, with its high bits mixed into the low ones. */
function hashOf(units: Uint8Array | Uint16Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (units[i] as number), 0x01000193);
  return hash ^ (hash >>> 15);
}
