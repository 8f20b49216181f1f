import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ownPlatform, readImage } from '../../src/smoke/oci-layout.ts';

const media = 'application/vnd.oci.image';

let layout: string;
beforeEach(async () => {
  layout = await mkdtemp(join(tmpdir(), 'layout-'));
  await mkdir(join(layout, 'blobs', 'sha256'), { recursive: true });
});
afterEach(() => rm(layout, { recursive: true, force: true }));

describe('readImage', () => {
  it('finds the image of a platform among others and their attestations', async () => {
    const attestation = {
      ...(await image('unknown', 'unknown', 'attested')),
      annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
    };
    const images = [
      await image('linux', 'arm64', 'on arm'),
      await image('linux', 'amd64', 'on amd'),
      attestation,
    ];
    const inner = await blob({ schemaVersion: 2, manifests: images });
    await writeIndex([{ mediaType: `${media}.index.v1+json`, ...inner }]);
    const found = await readImage(layout, 'linux/arm64/v8');
    expect(found).toMatchObject({ platform: 'linux/arm64', config: { Cmd: ['on arm'] } });
    expect(found.layers).toEqual([join(layout, 'blobs', 'sha256', 'a'.repeat(64))]);
    expect(await readImage(layout, 'linux/amd64')).toMatchObject({ config: { Cmd: ['on amd'] } });
    await expect(readImage(layout, 'linux/riscv64')).rejects.toMatchObject({
      name: 'UserError',
      message: 'the image is for linux/arm64, linux/amd64, and can be started on linux/riscv64 only',
    });
  });

  it('takes the platform from the image where the index says none', async () => {
    await writeIndex([await image('linux', 'arm', 'on arm', 'v7')]);
    expect(await readImage(layout, 'linux/arm/v7')).toMatchObject({ config: { Cmd: ['on arm'] } });
    await expect(readImage(layout, 'linux/amd64')).rejects.toThrow('the image is for linux/arm/v7');
  });
});

describe('ownPlatform', () => {
  it('is named as images name it', () => {
    expect(['x64', 'arm64', 'arm', 'riscv64'].map(ownPlatform)).toEqual([
      ...['linux/amd64', 'linux/arm64', 'linux/arm/v7', 'linux/riscv64'],
    ]);
  });
});

async function image(os: string, architecture: string, command: string, variant?: string) {
  const config = await blob({ os, architecture, variant, config: { Cmd: [command] } });
  const layer = { mediaType: `${media}.layer.v1.tar`, digest: `sha256:${'a'.repeat(64)}`, size: 1 };
  const manifest = { config: { mediaType: `${media}.config.v1+json`, ...config }, layers: [layer] };
  return { mediaType: `${media}.manifest.v1+json`, ...(await blob({ schemaVersion: 2, ...manifest })) };
}

async function writeIndex(manifests: object[]): Promise<void> {
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
}

async function blob(value: unknown): Promise<{ digest: string; size: number }> {
  const bytes = Buffer.from(JSON.stringify(value));
  const hex = createHash('sha256').update(bytes).digest('hex');
  await writeFile(join(layout, 'blobs', 'sha256', hex), bytes);
  return { digest: `sha256:${hex}`, size: bytes.length };
}
