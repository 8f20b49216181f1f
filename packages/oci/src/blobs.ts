import { open } from 'node:fs/promises';
import type { Descriptor } from './descriptor.ts';
import { ProtocolError, RegistryError } from './errors.ts';
import { nameOf, type Repository, request } from './registry.ts';
import { upload } from './upload.ts';

/** Where the bytes of a blob come from; read again, from somewhere in the middle, after a connection was cut. */
export interface BlobSource {
  /** The bytes from `start` up to `end`. A part may be overwritten as soon as the next is asked for. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
}

export type Blob = Pick<Descriptor, 'digest' | 'size'>;

export interface PushOptions {
  signal?: AbortSignal | undefined;
  /** Repositories of the same registry that may have the blob: it is linked from there instead of sent. */
  mountFrom?: readonly string[];
  /** The most bytes of one request; the registry may ask for more (default 1 GiB). */
  chunkBytes?: number;
  /** Is told, as they leave, how many bytes of the blob have been sent. */
  onProgress?: (sent: number) => void;
}

export interface PushedBlob {
  how: 'present' | 'mounted' | 'uploaded';
  /** What went over the wire of its content, repeated parts included. */
  sent: number;
}

export function fileSource(path: string): BlobSource {
  return { read: (start, end) => readFile(path, start, end) };
}

export function bytesSource(bytes: Uint8Array): BlobSource {
  return {
    async *read(start, end) {
      yield bytes.subarray(start, end);
    },
  };
}

/** One buffer for all parts takes half the time of a stream, which allocates one for each. */
async function* readFile(path: string, start: number, end: number): AsyncGenerator<Uint8Array> {
  const handle = await open(path);
  try {
    const buffer = Buffer.allocUnsafeSlow(Math.min(partBytes, end - start));
    for (let at = start; at < end; ) {
      const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end - at), at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}
const partBytes = 1024 * 1024;

/** Whether the repository has the blob. */
export async function hasBlob(
  repository: Repository,
  { digest, size }: Blob,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  const what = `looking for the blob ${digest}`;
  const { status, headers } = await request(repository, {
    ...{ what, method: 'HEAD', path: `blobs/${digest}`, accept: [200, 404], signal },
  });
  if (status === 404) return false;
  const length = headers['content-length'];
  if (length !== undefined && Number(length) !== size)
    throw new ProtocolError(
      { what, where: nameOf(repository) },
      `has it with ${length} bytes instead of ${size}`,
    );
  return true;
}

/** Makes sure that the repository has a blob: looks first, then links it from another repository, then sends it. */
export async function pushBlob(
  repository: Repository,
  blob: Blob,
  source: BlobSource,
  options: PushOptions = {},
): Promise<PushedBlob> {
  if (await hasBlob(repository, blob, options)) return { how: 'present', sent: 0 };
  let location: URL | undefined;
  for (const from of options.mountFrom ?? []) {
    const mounted = await mount(repository, blob, from, options.signal);
    if (mounted === true) return { how: 'mounted', sent: 0 };
    location = mounted ?? location;
  }
  return { how: 'uploaded', sent: await upload(repository, blob, source, location, options) };
}

/**
 * True when the blob is linked; otherwise the upload that the registry began instead, where it did. Who may not read
 * the other repository, or a registry that cannot link, is no reason to fail.
 */
async function mount(
  repository: Repository,
  { digest }: Blob,
  from: string,
  signal: AbortSignal | undefined,
): Promise<true | URL | undefined> {
  const what = `linking the blob ${digest} from '${from}'`;
  const path = `blobs/uploads/?${new URLSearchParams({ mount: digest, from })}`;
  const call = { what, method: 'POST', path, writes: true, from, accept: [201, 202], signal } as const;
  const answer = await request(repository, call).catch((error: unknown) => {
    if (error instanceof RegistryError && error.status < 500) return undefined;
    throw error;
  });
  if (!answer) return undefined;
  if (answer.status === 201) return true;
  return repository.registry.locate(answer.headers.location, answer.url, { what, where: nameOf(repository) });
}
