import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type Header, pack } from 'tar-stream';

/** One entry of a tar: any header, so that archives can be made that no packer would make. */
export interface Entry extends Partial<Header> {
  name: string;
  content?: string;
}

export async function writeTar(archive: string, entries: readonly Entry[]): Promise<string> {
  const tar = pack();
  for (const { content = '', ...header } of entries) tar.entry({ mtime: new Date(0), ...header }, content);
  tar.finalize();
  await pipeline(tar, createWriteStream(archive));
  return archive;
}

/** A package's manifest as the package action writes it, with changes. */
export function manifestEntry(files: Record<string, string>, changes: object = {}): Entry {
  const manifest = {
    schema: 1,
    name: 'demo',
    model: { path: 'model.json', digest: digestOf(files['model.json'] ?? '') },
    files: Object.entries(files).map(([path, content]) => ({
      path,
      digest: digestOf(content),
      bytes: Buffer.byteLength(content),
    })),
    ...changes,
  };
  return { name: 'mlops-package.json', content: JSON.stringify(manifest) };
}

export function fileEntries(files: Record<string, string>): Entry[] {
  return Object.entries(files).map(([name, content]) => ({ name, content }));
}

/** A package as it should be. */
export function writePackage(archive: string, files: Record<string, string>): Promise<string> {
  return writeTar(archive, [manifestEntry(files), ...fileEntries(files)]);
}

export function digestOf(content: string | Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}
