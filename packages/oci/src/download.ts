import { open } from 'node:fs/promises';
import type { Blob } from './blobs.ts';
import { DigestError, hashFor } from './digest.ts';
import { ConnectionError, ProtocolError } from './errors.ts';
import { persistWhileMoving } from './persist.ts';
import { nameOf, type Repository } from './registry.ts';
import { openSink } from './sink.ts';

export interface PullOptions {
  signal?: AbortSignal | undefined;
  /** Is told how many bytes of the blob are there, those of an earlier try included. */
  onProgress?: (received: number) => void;
}

/**
 * Pulls a blob into a file, in constant memory. What the file already holds counts as the beginning of the blob, so
 * that a pull that was ended goes on; a cut connection is opened again from where it broke. A file is left behind only
 * where it has the right bytes or, after a broken connection or an abort, their beginning.
 *
 * @throws DigestError when the bytes are others
 */
export async function pullBlob(
  repository: Repository,
  blob: Blob,
  file: string,
  options: PullOptions = {},
): Promise<void> {
  const handle = await open(file, 'a+');
  try {
    const shown = `the blob ${blob.digest} of ${nameOf(repository)}`;
    const { hash, digest } = hashFor(blob.digest);
    let { size: received } = await handle.stat();
    if (received > blob.size) {
      await handle.truncate(0);
      received = 0;
    }
    if (received > 0)
      for await (const chunk of handle.createReadStream({ start: 0, autoClose: false }))
        hash.update(chunk as Buffer);
    const sink = openSink(handle);
    const take = (chunk: Buffer) => {
      hash.update(chunk);
      return sink.add(chunk);
    };
    await receive(repository, blob, received, options, take).finally(() => sink.end());
    const found = digest();
    if (found === blob.digest) return;
    await handle.truncate(0);
    throw new DigestError(shown, blob.digest, found);
  } finally {
    await handle.close();
  }
}

/** A small blob, such as a configuration. */
export async function readBlob(
  repository: Repository,
  blob: Blob,
  { limit = 4 * 1024 * 1024, ...options }: PullOptions & { limit?: number } = {},
): Promise<Buffer> {
  const shown = `the blob ${blob.digest} of ${nameOf(repository)}`;
  if (blob.size > limit)
    throw new ProtocolError(
      { what: `pulling the blob ${blob.digest}`, where: nameOf(repository) },
      `has ${blob.size} bytes`,
    );
  const { hash, digest } = hashFor(blob.digest);
  const chunks: Buffer[] = [];
  await receive(repository, blob, 0, options, async (chunk) => {
    hash.update(chunk);
    chunks.push(chunk);
  });
  const found = digest();
  if (found !== blob.digest) throw new DigestError(shown, blob.digest, found);
  return Buffer.concat(chunks);
}

/** Hands over the bytes from `received` on, each once and in order, over as many connections as it takes. */
async function receive(
  repository: Repository,
  { digest, size }: Blob,
  received: number,
  { signal, onProgress }: PullOptions,
  take: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  const { registry, name } = repository;
  const what = `pulling the blob ${digest}`;
  const broken = (problem: string) => new ProtocolError({ what, where: nameOf(repository) }, problem);
  let at = received;
  const attempt = async (aborted: AbortSignal): Promise<void> => {
    const isPart = at > 0;
    const answer = await registry.attempt(name, {
      ...{
        what,
        method: 'GET',
        path: `blobs/${digest}`,
        signal: aborted,
        accept: isPart ? [200, 206] : [200],
      },
      headers: isPart ? { range: `bytes=${at}-` } : {},
    });
    const start = answer.status === 206 ? startOf(answer.headers['content-range'], size) : 0;
    if (start !== 0 && start !== at) {
      answer.body.destroy();
      throw broken(
        `sends '${answer.headers['content-range'] ?? ''}' where bytes ${at}- of ${size} were asked for`,
      );
    }
    let skipped = start === 0 ? at : 0; // A server that ignores ranges sends everything again.
    try {
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        aborted.throwIfAborted();
        const skip = Math.min(skipped, chunk.length);
        skipped -= skip;
        const rest = chunk.subarray(skip);
        if (at + rest.length > size) throw broken(`sends more than the ${size} bytes that the blob has`);
        if (rest.length > 0) await take(rest);
        at += rest.length;
        onProgress?.(at);
      }
    } catch (error) {
      answer.body.destroy();
      if (error instanceof ProtocolError || aborted.aborted || !isOfConnection(error)) throw error;
      throw new ConnectionError(answer.url.host, error);
    }
    if (at < size)
      throw new ConnectionError(answer.url.host, new Error(`the answer ended after ${at} of ${size} bytes`));
  };
  if (at === size && size > 0) return;
  await persistWhileMoving(registry.patience, { what, signal, attempt, at: () => at });
}

function isOfConnection(error: unknown): boolean {
  return ['ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
}

/** The first byte of a Content-Range of a whole of `size` bytes (RFC 9110, 14.4); undefined for any other. */
export function startOf(contentRange: string | undefined, size: number): number | undefined {
  const [, start, end, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(contentRange ?? '') ?? [];
  const isWhole = total === '*' || Number(total) === size;
  return start !== undefined && isWhole && Number(end) === size - 1 ? Number(start) : undefined;
}
