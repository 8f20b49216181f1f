import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** An image as files: https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md */
export interface OciLayout {
  /** Has `index.json`, which names one image. */
  folder: string;
}

/** What a container of the image is started with; see the image specification's config.md. */
export interface ImageConfig {
  Env?: string[];
  Entrypoint?: string[];
  Cmd?: string[];
  User?: string;
  WorkingDir?: string;
  ExposedPorts?: Record<string, object>;
  Labels?: Record<string, string>;
}

/** For GNU tar, so that the same files give the same bytes: names in order, no times but one, nobody's name. */
export const tarFlags = ['--sort=name', '--mtime=@0', '--numeric-owner', '--format=gnu'];

interface Blob {
  digest: string;
  size: number;
}

/** Writes an image for linux/amd64 of uncompressed layer files; the same input gives the same bytes. */
export async function writeOciLayout(
  folder: string,
  layers: readonly string[],
  config: ImageConfig,
): Promise<void> {
  await mkdir(join(folder, 'blobs', 'sha256'), { recursive: true });
  const written = [];
  for (const layer of layers) written.push(await writeLayer(folder, layer));
  const image = await writeJson(folder, {
    created: '1970-01-01T00:00:00Z',
    architecture: 'amd64',
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: written.map(({ diffId }) => diffId) },
    history: written.map(() => ({ created: '1970-01-01T00:00:00Z' })),
  });
  const media = 'application/vnd.oci.image';
  const manifest = await writeJson(folder, {
    schemaVersion: 2,
    mediaType: `${media}.manifest.v1+json`,
    config: { mediaType: `${media}.config.v1+json`, ...image },
    layers: written.map(({ blob }) => ({ mediaType: `${media}.layer.v1.tar+gzip`, ...blob })),
  });
  const index = {
    schemaVersion: 2,
    mediaType: `${media}.index.v1+json`,
    manifests: [
      {
        mediaType: `${media}.manifest.v1+json`,
        ...manifest,
        platform: { os: 'linux', architecture: 'amd64' },
      },
    ],
  };
  await writeFile(join(folder, 'index.json'), JSON.stringify(index));
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}

async function writeLayer(folder: string, file: string): Promise<{ diffId: string; blob: Blob }> {
  const draft = join(folder, 'blobs', 'layer');
  const plain = createHash('sha256');
  const packed = createHash('sha256');
  let size = 0;
  const seen = (see: (chunk: Buffer) => void) =>
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        see(chunk);
        done(null, chunk);
      },
    });
  await pipeline(
    createReadStream(file),
    seen((chunk) => plain.update(chunk)),
    createGzip({ level: 6 }),
    seen((chunk) => {
      packed.update(chunk);
      size += chunk.length;
    }),
    createWriteStream(draft),
  );
  const hex = packed.digest('hex');
  await rename(draft, join(folder, 'blobs', 'sha256', hex));
  return { diffId: `sha256:${plain.digest('hex')}`, blob: { digest: `sha256:${hex}`, size } };
}

async function writeJson(folder: string, value: unknown): Promise<Blob> {
  const bytes = Buffer.from(JSON.stringify(value));
  const hex = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(folder, 'blobs', 'sha256', hex), bytes);
  return { digest: `sha256:${hex}`, size: bytes.length };
}
