import { Growing } from './growing.ts';

/**
 * Distinct ids in their order, and where each stands. A million strings and a `Map` of them would take more memory than
 * all else: here the ids' code units stand in one array, and rows in a hash table with open addressing.
 */
export class Ids implements Iterable<string> {
  /** One byte for each code unit, as long as all fit. */
  #units: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer> = new Uint8Array(1 << 14);
  readonly #ends = new Growing(Int32Array);
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
    const slot = this.#slotOf(this.#units, start, end);
    if (this.#slots[slot]) return false;
    this.#ends.push(end);
    this.#slots[slot] = this.length;
    if (2 * this.length > this.#slots.length) this.#addSlots();
    return true;
  }

  at(row: number): string {
    const { buffer, BYTES_PER_ELEMENT: width } = this.#units;
    const start = this.#start(row);
    return Buffer.from(buffer, start * width, (this.#start(row + 1) - start) * width).toString(
      width === 1 ? 'latin1' : 'utf16le',
    );
  }

  *[Symbol.iterator](): Iterator<string> {
    for (let row = 0; row < this.length; row++) yield this.at(row);
  }

  /** The row of the id that stands in a row of `others`, or -1. */
  find(others: Ids, row: number): number {
    const slot = this.#slotOf(others.#units, others.#start(row), others.#start(row + 1));
    return (this.#slots[slot] as number) - 1;
  }

  /** All rows, ordered by the code units of their ids. */
  order(): Int32Array {
    const units = this.#units;
    return Int32Array.from({ length: this.length }, (_, row) => row).sort((a, b) => {
      const [startA, startB, endA, endB] = [
        this.#start(a),
        this.#start(b),
        this.#start(a + 1),
        this.#start(b + 1),
      ];
      const common = Math.min(endA - startA, endB - startB);
      for (let i = 0; i < common; i++) {
        const difference = (units[startA + i] as number) - (units[startB + i] as number);
        if (difference) return difference;
      }
      return endA - startA - (endB - startB);
    });
  }

  #start(row: number): number {
    return row === 0 ? 0 : this.#ends.at(row - 1);
  }

  #write(id: string, start: number): void {
    if (start + id.length > this.#units.length) this.#addUnits(start + id.length);
    for (let i = 0; i < id.length; i++) {
      const unit = id.charCodeAt(i);
      if (unit > 0xff && this.#units instanceof Uint8Array) this.#units = new Uint16Array(this.#units);
      this.#units[start + i] = unit;
    }
  }

  #addUnits(needed: number): void {
    const { buffer, byteLength } = this.#units;
    const longer = buffer.transfer(Math.max(2 * byteLength, 2 * needed));
    this.#units = this.#units instanceof Uint8Array ? new Uint8Array(longer) : new Uint16Array(longer);
  }

  #addSlots(): void {
    this.#slots = new Int32Array(2 * this.#slots.length);
    for (let row = 0; row < this.length; row++)
      this.#slots[this.#slotOf(this.#units, this.#start(row), this.#start(row + 1))] = row + 1;
  }

  /** Where the row of an id is, or would be. */
  #slotOf(units: Uint8Array | Uint16Array, start: number, end: number): number {
    const last = this.#slots.length - 1;
    let slot = hashOf(units, start, end) & last;
    for (;;) {
      const row = this.#slots[slot] as number;
      if (row === 0 || this.#stands(row - 1, units, start, end)) return slot;
      slot = (slot + 1) & last;
    }
  }

  #stands(row: number, units: Uint8Array | Uint16Array, start: number, end: number): boolean {
    const from = this.#start(row);
    if (this.#start(row + 1) - from !== end - start) return false;
    for (let i = start; i < end; i++) if (units[i] !== this.#units[from + i - start]) return false;
    return true;
  }
}

/** FNV-1a of code units, with its high bits mixed into the low ones. */
function hashOf(units: Uint8Array | Uint16Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ (units[i] as number), 0x01000193);
  return hash ^ (hash >>> 15);
}
