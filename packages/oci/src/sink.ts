import type { FileHandle } from 'node:fs/promises';

/** Where the parts of a file go, in order. */
export interface Sink {
  /** Takes a part; waits only for what was taken long before. */
  add(part: Buffer): Promise<void>;
  /** Waits until all that was taken is written. */
  end(): Promise<void>;
}

const batchBytes = 1024 * 1024;

/**
 * Appends to a file in few large writes, each while the parts of the next arrive: the network gives some 64 KB at a
 * time. What is in the file is always the beginning of what was added.
 */
export function openSink(handle: FileHandle): Sink {
  let parts: Buffer[] = [];
  let bytes = 0;
  let writing: Promise<void> = Promise.resolve();
  const flush = async () => {
    await writing;
    writing = append(handle, parts, bytes);
    writing.catch(() => {}); // Thrown by whoever waits for it.
    parts = [];
    bytes = 0;
  };
  return {
    async add(part) {
      parts.push(part);
      bytes += part.length;
      if (bytes >= batchBytes) await flush();
    },
    async end() {
      if (bytes > 0) await flush();
      await writing;
    },
  };
}

async function append(handle: FileHandle, parts: readonly Buffer[], bytes: number): Promise<void> {
  const { bytesWritten } = await handle.writev(parts);
  // Nearly full disks take a part of it, and say why with the next.
  if (bytesWritten < bytes) await handle.appendFile(Buffer.concat(parts).subarray(bytesWritten));
}
