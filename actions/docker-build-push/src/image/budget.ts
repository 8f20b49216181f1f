import { createGunzip, createZstdDecompress } from 'node:zlib';
import { bytesText, plain, table, UserError } from '@mlops/core';
import type { Descriptor } from '@mlops/oci';
import type { ImageFacts, ImageSource, PlatformImage } from './facts.ts';
import type { Layout } from './layout.ts';

export interface LargeFile {
  path: string;
  /** Unpacked. */
  bytes: number;
  /** Number of its layer, from 1 at the bottom. */
  layer: number;
}

const shown = 10;
/** Files smaller than this do not make an image large. */
const noteworthy = 1024 * 1024;

/** The largest files of an image that lies in a layout, the largest first. */
export async function largestFiles(layout: Layout, { layers }: PlatformImage): Promise<LargeFile[]> {
  const found = await Promise.all(layers.map((layer, i) => filesIn(layout, layer, i + 1)));
  return found
    .flat()
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, shown);
}

async function filesIn(layout: Layout, layer: Descriptor, number: number): Promise<LargeFile[]> {
  const { extract } = await import('tar-stream');
  const entries = extract();
  const files: LargeFile[] = [];
  entries.on('entry', ({ name, size = 0, type }, stream, next) => {
    if (type === 'file' && size >= noteworthy) files.push({ path: `/${name}`, bytes: size, layer: number });
    stream.resume().once('end', next);
  });
  const { pipeline } = await import('node:stream/promises');
  const source = layout.open(layer);
  if (layer.mediaType.endsWith('gzip')) await pipeline(source, createGunzip(), entries);
  else if (layer.mediaType.endsWith('zstd')) await pipeline(source, createZstdDecompress(), entries);
  else await pipeline(source, entries);
  return files;
}

/** The layers of an image as a table, the largest first, with what made them. */
export function layersTable({ layers }: PlatformImage, made: readonly string[]): string {
  const rows = layers
    .map((layer, i) => ({ ...layer, number: i + 1, made: made[i] ?? '' }))
    .sort((a, b) => b.size - a.size)
    .slice(0, shown)
    .map(({ number, size, made }) => [String(number), bytesText(size), plain(made)]);
  return table(['Layer', 'Size', 'Made by'], rows);
}

export function filesTable(files: readonly LargeFile[]): string {
  return table(
    ['File', 'Size, unpacked', 'Layer'],
    files.map(({ path, bytes, layer }) => [plain(path), bytesText(bytes), String(layer)]),
  );
}

export function largestOf({ platforms }: ImageFacts): PlatformImage | undefined {
  return platforms.toSorted((a, b) => b.bytes - a.bytes)[0];
}

/** The instruction that made each layer, by the image's history; empty for those that it does not tell of. */
export async function madeBy(source: ImageSource, { imageId }: PlatformImage): Promise<string[]> {
  const config = await source.blob({ digest: imageId, mediaType: '', size: 0 });
  const { history = [] } = JSON.parse(config.toString()) as {
    history?: { created_by?: string; empty_layer?: boolean }[];
  };
  return history
    .filter(({ empty_layer }) => !empty_layer)
    .map(({ created_by = '' }) => created_by.replace(/ # buildkit$/, '').slice(0, 120));
}

/** @throws UserError that names the largest layers and files of an image that is beyond its budget */
export async function refuseBeyondBudget(
  facts: ImageFacts,
  budget: number,
  layout: Layout,
  summary: string[],
): Promise<void> {
  const largest = largestOf(facts);
  if (!largest || largest.bytes <= budget) return;
  const files = await largestFiles(layout, largest);
  summary.push(
    `### The image is larger than its budget\n\n${bytesText(largest.bytes)} of ${bytesText(budget)}, ${largest.platform}`,
    layersTable(largest, await madeBy(layout, largest)),
    ...(files.length ? [filesTable(files)] : []),
  );
  const names = files.slice(0, 3).map(({ path, bytes }) => `${path} (${bytesText(bytes)})`);
  throw new UserError(
    `the image has ${bytesText(largest.bytes)}, more than its budget of ${bytesText(budget)}; it is not pushed${names.length ? `. Its largest files: ${names.join(', ')}` : ''}`,
    {
      advice:
        "Leave out what serving does not need ('include', .dockerignore, requirements), deliver the model apart ('model-delivery: mounted'), or raise 'size-budget'. The summary lists layers and files.",
    },
  );
}
