import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { messageOf, UserError } from '@mlops/core';
import { openHasher } from '@mlops/core/hash';
import { type Manifest, manifestName, manifestSchema } from '@mlops/model-package/manifest';

export interface Archive {
  digest: string;
  bytes: number;
  manifest: Manifest;
}

/**
 * Writes `files` (POSIX paths relative to `root`, sorted) and a manifest of their digests to a tar. Times and owners
 * are fixed, so the same content gives the same bytes. It is not compressed: the artifact service compresses what it
 * is given, and doing so twice would only cost time.
 */
export async function writeArchive(
  root: string,
  files: readonly string[],
  about: Pick<Manifest, 'name' | 'model'>,
  archive: string,
  signal: AbortSignal,
): Promise<Archive> {
  const { pack } = await import('tar-stream');
  refuseTaken(files);
  const manifest: Manifest = { schema: 1, ...about, files: await digests(root, files, signal) };
  refuseUnportable(manifest);
  const hash = createHash('sha256');
  const tar = pack();
  await mkdir(dirname(archive), { recursive: true });
  async function* hashed(): AsyncGenerator<Buffer> {
    for await (const chunk of tar as AsyncIterable<Buffer>) {
      hash.update(chunk);
      yield chunk;
    }
  }
  const written = pipeline(hashed, createWriteStream(archive), { signal });
  const filled = (async () => {
    tar.entry({ ...fixed, name: manifestName, mode: 0o644 }, `${JSON.stringify(manifest, null, 2)}\n`);
    for (const { path, bytes } of manifest.files) {
      const { mode } = await stat(join(root, path));
      const entry = tar.entry({ ...fixed, name: path, size: bytes, mode: mode & 0o100 ? 0o755 : 0o644 });
      await pipeline(createReadStream(join(root, path)), entry, { signal }).catch((error: unknown) => {
        throw /size mismatch/i.test(messageOf(error)) ? changed(path, error) : error;
      });
    }
    tar.finalize();
  })();
  await Promise.all([written, filled.catch((error) => tar.destroy(error))]);
  return { digest: `sha256:${hash.digest('hex')}`, bytes: (await stat(archive)).size, manifest };
}

function refuseTaken(files: readonly string[]): void {
  if (files.includes(manifestName))
    throw new UserError(`'${manifestName}' cannot be packed: a package's own list of files has this name`, {
      advice: "Is it left from an unpacked package? Remove it, or leave it out of the input 'include'.",
    });
}

/** Whoever unpacks the archive refuses these, so that it is better said now. */
function refuseUnportable(manifest: Manifest): void {
  const issue = manifestSchema.safeParse(manifest).error?.issues[0];
  if (!issue) return;
  const [, index] = issue.path;
  const file = manifest.files[Number(index)]?.path;
  throw new UserError(`'${file ?? manifest.name}' cannot be packed: ${issue.message}`, {
    advice: "Rename it: '\\' and ':' mean something else on other systems.",
  });
}

function changed(path: string, cause: unknown): UserError {
  return new UserError(`'${path}' changed while it was packed`, {
    cause,
    advice: 'Something else is writing to it: wait for that to end first.',
  });
}

const fixed = { mtime: new Date(0), uid: 0, gid: 0, uname: '', gname: '' };

async function digests(
  root: string,
  files: readonly string[],
  signal: AbortSignal,
): Promise<Manifest['files']> {
  const hasher = await openHasher({ signal });
  try {
    return await Promise.all(files.map(async (path) => ({ path, ...(await hasher.file(join(root, path))) })));
  } finally {
    await hasher.close();
  }
}
