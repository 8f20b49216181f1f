/** Sealing, and looking at the folder, take at most this part of the time of a training. */
const sealShare = 0.05;
const lookShare = 0.02;
/**
 * A folder that never rests is sealed after this long all the same, in a moment in which no file is open; and what looks
 * cut off for this long is as its command wants it.
 */
export const restlessMs = 30_000;

/** When to look at a folder, and when to seal what is there. Times are in milliseconds. */
export class Pace {
  readonly #lookMs: number;
  #seen = { state: '', since: 0 };
  #lookTookMs = 0;
  #sealedAt: number;
  #sealTookMs = 0;

  constructor(lookMs: number, now: number) {
    this.#lookMs = lookMs;
    this.#sealedAt = now;
  }

  /** Time until the next look: the more files there are, the longer. */
  get pauseMs(): number {
    return Math.max(this.#lookMs, this.#lookTookMs / lookShare);
  }

  /** Whether the folder, which is in this state, has rested for long enough to be sealed. */
  isTimeToSeal(state: string, now: number): boolean {
    if (state !== this.#seen.state) this.#seen = { state, since: now };
    const sinceSeal = now - this.#sealedAt;
    if (sinceSeal * sealShare < this.#sealTookMs) return false;
    return now - this.#seen.since >= this.#lookMs || sinceSeal >= restlessMs;
  }

  looked(tookMs: number): void {
    this.#lookTookMs = tookMs;
  }

  /** Also of an attempt that failed. */
  sealed(now: number, tookMs: number): void {
    this.#sealedAt = now;
    this.#sealTookMs = tookMs;
  }
}
