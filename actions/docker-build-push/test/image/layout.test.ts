import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { largestFiles, largestOf, refuseBeyondBudget } from '../../src/image/budget.ts';
import { largestSize, readFacts } from '../../src/image/facts.ts';
import { type Layout, openLayout } from '../../src/image/layout.ts';

/** An image for two platforms, with an attestation beside them. */

const oci = 'application/vnd.oci.image';
let folder: string;
let layout: Layout;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'layout-'));
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
  const small = await layer('gzip', { 'bin/small': 10 });
  const weights = await layer('zstd', { 'model/weights.bin': 3e6, 'model/card.md': 100 });
  const plain = await layer('plain', { 'data/train.csv': 2e6 });
  const made = ['RUN small # buildkit', 'COPY model /model # buildkit', 'COPY data | /data # buildkit'];
  const amd64 = await image('amd64', [small, weights, plain], made);
  const arm64 = await image('arm64', [small], made.slice(0, 1), 'v8');
  const statement = await blob(Buffer.from('{}'), `${oci}.layer.v1.tar`);
  const config = await blob(
    Buffer.from('{"architecture":"unknown","os":"unknown"}'),
    `${oci}.config.v1+json`,
  );
  const attestation = await json({ schemaVersion: 2, config, layers: [statement] }, 'manifest');
  const platform = (architecture: string, variant?: string) => ({
    platform: { os: architecture === 'unknown' ? architecture : 'linux', architecture, variant },
  });
  const manifests = [
    { ...amd64, ...platform('amd64') },
    { ...arm64, ...platform('arm64', 'v8') },
    { ...attestation, ...platform('unknown') },
  ];
  const index = await json({ schemaVersion: 2, manifests }, 'index');
  await writeFile(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [index] }));
  layout = await openLayout(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function blob(bytes: Buffer, mediaType: string) {
  const hex = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(folder, 'blobs/sha256', hex), bytes);
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}

const json = (content: object, kind: string) => {
  const mediaType = `${oci}.${kind}.v1+json`;
  return blob(Buffer.from(JSON.stringify({ ...content, mediaType })), mediaType);
};

async function layer(compression: 'gzip' | 'zstd' | 'plain', files: Record<string, number>) {
  const archive = pack();
  for (const [name, size] of Object.entries(files)) archive.entry({ name }, Buffer.alloc(size));
  archive.finalize();
  const bytes = await buffer(archive);
  if (compression === 'plain') return blob(bytes, `${oci}.layer.v1.tar`);
  const packed = compression === 'gzip' ? gzipSync(bytes) : zstdCompressSync(bytes);
  return blob(packed, `${oci}.layer.v1.tar+${compression}`);
}

async function image(architecture: string, layers: object[], made: string[], variant?: string) {
  const history = [
    { created_by: 'ENV A=1', empty_layer: true },
    ...made.map((created_by) => ({ created_by })),
  ];
  const config = await blob(
    Buffer.from(JSON.stringify({ os: 'linux', architecture, variant, history })),
    `${oci}.config.v1+json`,
  );
  return json({ schemaVersion: 2, config, layers }, 'manifest');
}

describe('an image in a folder', () => {
  it('consists of its platforms, attestations left out', async () => {
    const facts = await readFacts(layout, layout.root.digest);
    expect(facts.platforms.map(({ platform, layers }) => [platform, layers.length])).toEqual([
      ['linux/amd64', 3],
      ['linux/arm64/v8', 1],
    ]);
    expect(largestOf(facts)?.platform).toBe('linux/amd64');
    expect(await largestSize(layout, layout.root.digest)).toBe(largestOf(facts)?.bytes);
    const [, arm64] = facts.platforms;
    const single = await readFacts(layout, arm64?.descriptor.digest ?? '');
    expect(single.platforms).toMatchObject([{ platform: 'linux/arm64/v8', imageId: arm64?.imageId }]);
  });

  it('has large files, whatever its layers are compressed with', async () => {
    const [amd64] = (await readFacts(layout, layout.root.digest)).platforms;
    expect(amd64 && (await largestFiles(layout, amd64))).toEqual([
      { path: '/model/weights.bin', bytes: 3e6, layer: 2 },
      { path: '/data/train.csv', bytes: 2e6, layer: 3 },
    ]);
  });

  it('is refused beyond its budget, with what makes it large', async () => {
    const facts = await readFacts(layout, layout.root.digest);
    const bytes = largestOf(facts)?.bytes ?? 0;
    const summary: string[] = [];
    await refuseBeyondBudget(facts, bytes, layout, summary);
    expect(summary).toEqual([]);
    await expect(refuseBeyondBudget(facts, bytes - 1, layout, summary)).rejects.toThrow(
      /2\.0 MB, more than its budget of 2\.0 MB; it is not pushed.*\/model\/weights\.bin \(3\.0 MB\)/,
    );
    const [title, layers, files] = summary;
    expect(title).toContain('linux/amd64');
    expect(layers?.split('\n')[2]).toMatch(/^\| 3 \| 2\.0 MB \| COPY data .* \/data \|$/);
    expect(layers?.split('\n')[2]?.match(/(?<!\\)\|/g)).toHaveLength(4);
    expect(files).toContain('| /model/weights.bin | 3.0 MB | 2 |');
  });

  it('is refused when a manifest is not what its digest says', async () => {
    const [amd64] = (await readFacts(layout, layout.root.digest)).platforms;
    const path = layout.pathOf(amd64?.descriptor.digest ?? '');
    await writeFile(path, '{}');
    await expect(readFacts(layout, layout.root.digest)).rejects.toThrow(/has the digest sha256:/);
  });

  it('is none where there is no index', async () => {
    await expect(openLayout(join(folder, 'blobs'))).rejects.toThrow(/has no index\.json/);
  });
});
