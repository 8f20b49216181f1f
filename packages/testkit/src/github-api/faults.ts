/** What goes wrong with a request, for tests of retries. */
export type Fault =
  /** GitHub's answer to too many requests at once; `retryAfter` in seconds. */
  | { kind: 'secondary-rate-limit'; status?: 403 | 429; retryAfter?: number }
  /** The hour's quota is used up; `resetIn` in seconds. */
  | { kind: 'rate-limit'; resetIn?: number }
  | { kind: 'server-error'; status?: 500 | 502 | 503 }
  /** The answer comes after `ms`. */
  | { kind: 'slow'; ms: number }
  /** No answer, until the client gives up or the server closes. */
  | { kind: 'hang' }
  /** The connection breaks before anything is done. */
  | { kind: 'disconnect' }
  /** The request is carried out, and the connection breaks before the answer: a retry repeats the effect. */
  | { kind: 'lost-answer' };

export interface FaultFilter {
  /** How many requests are affected; 1 unless told. */
  times?: number;
  /** Only requests of this operation id, such as `checks/create`. */
  operation?: string;
  method?: string;
}

/** Faults that were asked for and have not happened yet, first come first served. */
export class FaultQueue {
  readonly #pending: { fault: Fault; filter: FaultFilter; left: number }[] = [];

  add(fault: Fault, filter: FaultFilter = {}): void {
    this.#pending.push({ fault, filter, left: filter.times ?? 1 });
  }

  take(operation: string | undefined, method: string): Fault | undefined {
    const index = this.#pending.findIndex(
      ({ filter }) =>
        (filter.operation === undefined || filter.operation === operation) &&
        (filter.method === undefined || filter.method === method),
    );
    const entry = this.#pending[index];
    if (!entry) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) this.#pending.splice(index, 1);
    return entry.fault;
  }

  /** Faults that no request has met, in words: a test that asked for them did not test what it meant to. */
  unused(): string[] {
    return this.#pending.map(({ fault, left }) => `${fault.kind}, ${left} more times`);
  }
}
