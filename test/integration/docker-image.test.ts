import { bytesSource, digestOf, mediaTypes, pushBlob, putManifest, Registry } from '@mlops/oci';
import { type OciProxy, type OciRegistry, startOciProxy, startOciRegistry } from '@mlops/testkit/oci';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lastSize } from '../../actions/docker-build-push/src/compression.ts';
import { confirmPush } from '../../actions/docker-build-push/src/image/confirm.ts';

/** What is asked of the registry about an image, before it is built and after it was pushed. */

let registry: OciRegistry;
let proxy: OciProxy;
let single: string;
let index: string;
beforeAll(async () => {
  registry = await startOciRegistry();
  proxy = await startOciProxy(registry.host);
  const amd64 = await putImage('amd64', 'small');
  const arm64 = await putImage('arm64', 'a larger layer');
  const attestation = { ...amd64, platform: { os: 'unknown', architecture: 'unknown' } };
  single = (await put(await imageOf('amd64', 'small'), 'single')).digest;
  index = (
    await put(
      {
        mediaType: mediaTypes.index,
        manifests: [
          { ...amd64, platform: { os: 'linux', architecture: 'amd64' } },
          { ...arm64, platform: { os: 'linux', architecture: 'arm64' } },
          attestation,
        ],
      },
      ...['v1', 'latest'],
    )
  ).digest;
});
afterAll(async () => {
  await proxy?.close();
  await registry?.close();
});
beforeEach(() => {
  proxy.clear();
  proxy.requests.length = 0;
});

const { signal } = new AbortController();
const named = (tag: string) => `${proxy.host}/model:${tag}`;
const asked = () => proxy.requests.map(({ path }) => path.replace('/v2/model/', ''));

describe('an image that was pushed', () => {
  it('is read once, whatever its tags are', async () => {
    const facts = await confirmPush([named('v1'), named('latest')], index, signal);
    expect(facts).toMatchObject({
      digest: index,
      platforms: [
        { platform: 'linux/amd64', bytes: 5 },
        { platform: 'linux/arm64', bytes: 14 },
      ],
    });
    const [amd64 = '', arm64 = ''] = facts.platforms.map(({ descriptor }) => descriptor.digest);
    const wanted = ['v1', 'latest', amd64, arm64].map((target) => `manifests/${target}`);
    expect(asked().sort()).toEqual(wanted.sort());
  });

  it('of one platform names it in its configuration', async () => {
    const facts = await confirmPush([named('single')], single, signal);
    expect(facts.platforms).toMatchObject([{ platform: 'linux/amd64', bytes: 5 }]);
    expect(asked()).toEqual(['manifests/single', `blobs/${facts.platforms[0]?.imageId}`]);
  });

  it('has to be there under each tag, and the same', async () => {
    await expect(confirmPush([named('v1'), named('v2')], index, signal)).rejects.toThrow(
      /model:v2 was pushed, but the registry does not have it/,
    );
    await expect(confirmPush([named('v1'), named('single')], index, signal)).rejects.toThrow(
      `is ${single} in the registry, but ${index} was pushed`,
    );
  });

  it('is not taken from who alters it', async () => {
    const alter = ({ body }: { body: Buffer }) => Buffer.from(`${body.toString()} `);
    proxy.inject({ kind: 'alter', alter }, ({ path }) => path.endsWith('/v1'), 10);
    await expect(confirmPush([named('v1')], index, signal)).rejects.toThrow(/sha256:/);
  });
});

describe('the size of the image that was pushed last', () => {
  it('is that of its largest platform, for which no configuration is read', async () => {
    expect(await lastSize(named('v1'), signal)).toBe(14);
    expect(await lastSize(named('single'), signal)).toBe(5);
    expect(asked().filter((path) => path.startsWith('blobs/'))).toEqual([]);
  });

  it('is 0 where there is none, or the registry does not answer well', async () => {
    expect(await lastSize(undefined, signal)).toBe(0);
    expect(await lastSize(named('v2'), signal)).toBe(0);
    proxy.inject({ kind: 'answer', status: 500 }, () => true, 10);
    expect(await lastSize(named('v1'), signal)).toBe(0);
    expect(asked()).toEqual(['manifests/v2', 'manifests/v1']);
  });
});

async function putImage(architecture: string, layer: string) {
  return put(await imageOf(architecture, layer));
}

async function imageOf(architecture: string, layer: string) {
  return {
    mediaType: mediaTypes.manifest,
    config: await blob(
      JSON.stringify({ architecture, os: 'linux' }),
      'application/vnd.oci.image.config.v1+json',
    ),
    layers: [await blob(layer, 'application/vnd.oci.image.layer.v1.tar')],
  };
}

async function blob(content: string, mediaType: string) {
  const bytes = Buffer.from(content);
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await pushBlob(new Registry(registry.host).repository('model'), descriptor, bytesSource(bytes));
  return descriptor;
}

async function put(content: { mediaType: string; [key: string]: unknown }, ...tags: string[]) {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, ...content }));
  const repository = new Registry(registry.host).repository('model');
  const { mediaType } = content;
  for (const target of tags.length ? tags : [undefined])
    await putManifest(repository, { mediaType, bytes, target });
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}
