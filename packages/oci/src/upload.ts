import { type Blob, type BlobSource, hasBlob, type PushOptions } from './blobs.ts';
import { DigestError } from './digest.ts';
import { ProtocolError, RegistryError } from './errors.ts';
import { persistWhileMoving } from './persist.ts';
import { type Call, nameOf, type Repository } from './registry.ts';

/** Blobs of up to this many bytes are sent in one request; cut, they are sent again. */
const inOneRequest = 4 * 1024 * 1024;
/** What a registry says that has forgotten an upload, or does not tell of any. */
const unknown = [400, 404, 405, 416];

/**
 * Sends a blob (distribution specification, "Pushing blobs"): a small one in a POST and a PUT, a large one in a POST,
 * a PATCH for each chunk and a closing PUT. After a cut connection the registry is asked how much it has, and only the
 * rest is sent. Distribution 2 and 3 forget an upload that was cut inside a chunk, which is then begun anew. Gives up
 * when several tries in a row get nothing across.
 *
 * @returns how many bytes were sent
 */
export async function upload(
  repository: Repository,
  blob: Blob,
  source: BlobSource,
  begun: URL | undefined,
  options: PushOptions,
): Promise<number> {
  return new Upload(repository, blob, source, begun, options).run();
}

class Upload {
  readonly #repository: Repository;
  readonly #blob: Blob;
  readonly #source: BlobSource;
  readonly #options: PushOptions;
  readonly #what: string;
  #location: URL | undefined;
  /** How many bytes the registry has. */
  #offset = 0;
  /** What the registry wants a chunk to have at least, in bytes. */
  #leastChunk = 0;
  #sent = 0;
  #tries = 0;
  #restarts = 0;

  constructor(
    repository: Repository,
    blob: Blob,
    source: BlobSource,
    begun: URL | undefined,
    options: PushOptions,
  ) {
    this.#repository = repository;
    this.#blob = blob;
    this.#source = source;
    this.#location = begun;
    this.#options = options;
    this.#what = `pushing the blob ${blob.digest}`;
  }

  async run(): Promise<number> {
    await persistWhileMoving(this.#repository.registry.patience, {
      ...{ what: this.#what, signal: this.#options.signal, at: () => this.#offset },
      attempt: (signal) => this.#try(signal),
      isWorthIt: (error) => this.#isToRestart(error),
    });
    return this.#sent;
  }

  /** Once from the beginning when the registry refuses what arrived, which a cut may have garbled. */
  #isToRestart(error: unknown): boolean {
    const isRefused = error instanceof RegistryError && [400, 404, 416].includes(error.status);
    if (!isRefused || !this.#location || this.#restarts > 0) return false;
    this.#restarts += 1;
    this.#location = undefined;
    return true;
  }

  async #try(signal: AbortSignal): Promise<void> {
    const isAgain = this.#tries++ > 0;
    if (isAgain && this.#location && (await this.#isDone(this.#location, signal))) return;
    let location = this.#location ?? (await this.#begin(signal));
    const { size, digest } = this.#blob;
    while (this.#offset < size && size > inOneRequest) location = await this.#sendChunk(location, signal);
    const end = new URL(location);
    // Written by hand: whatever the registry put into its address has to stay as it is.
    end.search += `${end.search ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
    const isRest = this.#offset < size;
    const { headers } = await this.#call({
      ...{ method: 'PUT', path: end, accept: [201, 204], signal },
      ...(isRest && { body: this.#body(size, signal), headers: this.#headers(size) }),
    });
    const stored = headers['docker-content-digest'];
    if (typeof stored === 'string' && stored !== digest)
      throw new DigestError(`what ${nameOf(this.#repository)} stored`, digest, stored);
  }

  async #begin(signal: AbortSignal): Promise<URL> {
    this.#offset = 0;
    const call = { method: 'POST', path: 'blobs/uploads/', accept: [202], signal } as const;
    const answer = await this.#call(call);
    this.#leastChunk = Number(answer.headers['oci-chunk-min-length'] ?? 0);
    return this.#at(answer);
  }

  async #sendChunk(location: URL, signal: AbortSignal): Promise<URL> {
    const { chunkBytes = 1024 ** 3 } = this.#options;
    const end = Math.min(this.#blob.size, this.#offset + Math.max(chunkBytes, this.#leastChunk));
    const answer = await this.#call({
      ...{ method: 'PATCH', path: location, accept: [202, 204], signal },
      ...{ body: this.#body(end, signal), headers: this.#headers(end) },
    });
    this.#offset = end;
    return this.#at(answer);
  }

  /** Asks how much arrived; whether all did, and the answer was lost. */
  async #isDone(location: URL, signal: AbortSignal): Promise<boolean> {
    const accept = [200, 204, ...unknown];
    const answer = await this.#call({ method: 'GET', path: location, accept, signal });
    if (unknown.includes(answer.status)) {
      if (await hasBlob(this.#repository, this.#blob, { signal })) return true;
      this.#location = undefined;
      return false;
    }
    const offset = receivedOf(answer.headers.range);
    if (offset === undefined || offset > this.#blob.size) {
      const problem = `says of an upload of ${this.#blob.size} bytes that it has '${answer.headers.range ?? ''}'`;
      throw new ProtocolError({ what: this.#what, where: nameOf(this.#repository) }, problem);
    }
    this.#offset = offset;
    if (answer.headers.location) this.#at(answer);
    return false;
  }

  #headers(end: number): Record<string, string> {
    const isWhole = this.#offset === 0 && end === this.#blob.size && end <= inOneRequest;
    return {
      'content-type': 'application/octet-stream',
      ...(!isWhole && { 'content-range': `${this.#offset}-${end - 1}` }),
    };
  }

  #body(end: number, signal: AbortSignal): { bytes: number; read: () => AsyncIterable<Uint8Array> } {
    const start = this.#offset;
    return { bytes: end - start, read: () => this.#read(start, end, signal) };
  }

  async *#read(start: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    let at = start;
    for await (const part of this.#source.read(start, end)) {
      signal.throwIfAborted();
      yield part;
      at += part.byteLength;
      this.#sent += part.byteLength;
      this.#options.onProgress?.(at);
    }
  }

  #call(call: Omit<Call, 'what' | 'writes'>) {
    const { registry, name } = this.#repository;
    return registry.once(name, { ...call, what: this.#what, writes: true });
  }

  #at({ headers, url }: { headers: { location?: string | undefined }; url: URL }): URL {
    const asked = { what: this.#what, where: nameOf(this.#repository) };
    this.#location = this.#repository.registry.locate(headers.location, url, asked);
    return this.#location;
  }
}

/**
 * How many bytes an upload has, from the Range of its status: `0-<last>`. Distribution 2 says `0-0` of none, so that
 * cannot be told from one byte, which is then sent again and refused.
 */
export function receivedOf(range: string | undefined): number | undefined {
  const [, last] = /^(?:bytes=)?0-(\d+)$/.exec(range ?? '') ?? [];
  if (last === undefined) return undefined;
  return last === '0' ? 0 : Number(last) + 1;
}
