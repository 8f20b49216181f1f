import { type BlobSource, type PushedBlob, type PushOptions, pushBlob } from '../blobs.ts';
import type { Descriptor } from '../descriptor.ts';
import type { Repository } from '../registry.ts';

interface SenderOptions extends Omit<PushOptions, 'onProgress'> {
  parallel: number;
  onProgress: ((done: number, total: number) => void) | undefined;
}

/** Pushes blobs as they are added, each content once and so many at a time; the first failure ends the others. */
export class Sender {
  /** Aborted when the caller's is, or something failed. */
  readonly signal: AbortSignal;
  readonly #repository: Repository;
  readonly #options: SenderOptions;
  readonly #failing = new AbortController();
  readonly #sending = new Map<string, Promise<PushedBlob>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #done = 0;
  #total = 0;

  constructor(repository: Repository, options: SenderOptions) {
    this.#repository = repository;
    this.#options = options;
    const { signal } = this.#failing;
    this.signal = options.signal ? AbortSignal.any([options.signal, signal]) : signal;
  }

  add(blob: Descriptor, source: BlobSource): void {
    if (this.#sending.has(blob.digest)) return;
    this.#total += blob.size;
    const sending = this.#inTurn(() => this.#push(blob, source));
    sending.catch((error: unknown) => this.#failing.abort(error));
    this.#sending.set(blob.digest, sending);
  }

  /** Waits until all that was added is pushed, or has ended; throws what failed first. */
  async finish(): Promise<PushedBlob[]> {
    await Promise.allSettled(this.#sending.values());
    this.signal.throwIfAborted();
    return Promise.all(this.#sending.values());
  }

  /** Ends what is being sent because of an error elsewhere, and throws that. */
  async fail(error: unknown): Promise<never> {
    this.#failing.abort(error);
    await Promise.allSettled(this.#sending.values());
    throw error;
  }

  async #push(blob: Descriptor, source: BlobSource): Promise<PushedBlob> {
    const { parallel, onProgress, ...options } = this.#options;
    let part = 0;
    const advance = (to: number) => {
      this.#done += to - part;
      part = to;
      onProgress?.(this.#done, this.#total);
    };
    const { signal } = this;
    signal.throwIfAborted();
    const pushed = await pushBlob(this.#repository, blob, source, {
      ...options,
      signal,
      onProgress: advance,
    });
    advance(blob.size);
    return pushed;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#options.parallel)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}
