import { command } from '@mlops/core/process';
import {
  bytesSource,
  type Descriptor,
  digestOf,
  getManifest,
  headManifest,
  listReferrers,
  mediaTypes,
  mergeIndex,
  pushBlob,
  putManifest,
  putReferrer,
  Registry,
  type Repository,
  referrersTag,
} from '@mlops/oci';
import { type OciRegistry, type ProxiedRequest, startOciProxy, startOciRegistry } from '@mlops/testkit/oci';
import { tool } from '@mlops/tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let registries: Record<'distribution' | 'memory', OciRegistry>;
let count = 0;
beforeAll(async () => {
  registries = {
    distribution: await startOciRegistry(),
    memory: await startOciRegistry({ kind: 'memory' }),
  };
});
afterAll(async () => {
  await Promise.all(Object.values(registries ?? {}).map((registry) => registry.close()));
});
const fresh = (kind: keyof typeof registries): Repository =>
  new Registry(registries[kind].host, { credentials: async () => undefined, pauseMs: 1 }).repository(
    `test-${count++}`,
  );

async function push(repository: Repository, content: string, mediaType: string): Promise<Descriptor> {
  const bytes = Buffer.from(content);
  const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  await pushBlob(repository, descriptor, bytesSource(bytes));
  return descriptor;
}

async function image(repository: Repository, platform: object, target?: string): Promise<Descriptor> {
  const config = await push(repository, JSON.stringify(platform), 'application/vnd.oci.image.config.v1+json');
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [] };
  const bytes = Buffer.from(JSON.stringify(manifest));
  return (await putManifest(repository, { mediaType: mediaTypes.manifest, bytes, target })).descriptor;
}

async function referrer(repository: Repository, subject: Descriptor, artifactType: string, annotations = {}) {
  const config = await push(repository, '{}', mediaTypes.empty);
  const manifest = {
    ...{ schemaVersion: 2, mediaType: mediaTypes.manifest, artifactType },
    config,
    layers: [],
    subject,
    annotations,
  };
  return putReferrer(repository, {
    mediaType: mediaTypes.manifest,
    bytes: Buffer.from(JSON.stringify(manifest)),
  });
}

describe.each(['distribution', 'memory'] as const)('referrers, on %s', (kind) => {
  it('are found by their subject, also before it is there, and by their type', async () => {
    const repository = fresh(kind);
    const subject = await image(repository, { os: 'linux', architecture: 'amd64' }, 'v1');
    expect(await listReferrers(repository, subject.digest)).toEqual([]);
    const sbom = await referrer(repository, subject, 'application/spdx+json', { by: 'syft' });
    const signature = await referrer(repository, subject, 'application/signature');
    await referrer(repository, subject, 'application/signature'); // The same once more.
    expect(sbom.subjectNoted).toBe(kind === 'memory');
    const found = await listReferrers(repository, subject.digest);
    expect(found.map(({ digest }) => digest).sort()).toEqual(
      [sbom.descriptor.digest, signature.descriptor.digest].sort(),
    );
    const [only, ...others] = await listReferrers(repository, subject.digest, {
      artifactType: 'application/spdx+json',
    });
    expect(others).toEqual([]);
    expect(only).toMatchObject({ digest: sbom.descriptor.digest, annotations: { by: 'syft' } });
    const tag = await headManifest(repository, referrersTag(subject.digest));
    expect(tag?.mediaType).toBe(kind === 'memory' ? undefined : mediaTypes.index);
  });
});

it('lose none of those that are pushed at once where clients keep the list', async () => {
  const repository = fresh('distribution');
  const subject = await image(repository, { os: 'linux', architecture: 'amd64' }, 'v1');
  await push(repository, '{}', mediaTypes.empty); // Distribution 2.8 mixes up pushes of one blob at once.
  const types = ['a', 'b', 'c', 'd'].map((name) => `application/${name}`);
  await Promise.all(types.map((type) => referrer(repository, subject, type)));
  const found = await listReferrers(repository, subject.digest);
  expect(found.map(({ artifactType }) => artifactType).sort()).toEqual(types);
});

it('are added again where another job wrote over them', async () => {
  const proxy = await startOciProxy(registries.distribution.host);
  const options = { credentials: async () => undefined, pauseMs: 1 };
  const repository = new Registry(proxy.host, options).repository(`test-${count++}`);
  const subject = await image(repository, { os: 'linux', architecture: 'amd64' }, 'v1');
  const isTag = ({ method, path }: ProxiedRequest) =>
    method === 'PUT' && path.endsWith(referrersTag(subject.digest));
  proxy.inject({ kind: 'answer', status: 201 }, isTag, 2);
  const { descriptor } = await referrer(repository, subject, 'application/a');
  expect(proxy.requests.filter(isTag)).toHaveLength(3);
  expect(await listReferrers(repository, subject.digest)).toMatchObject([{ digest: descriptor.digest }]);
  proxy.inject({ kind: 'answer', status: 201 }, isTag, 100);
  await expect(referrer(repository, subject, 'application/b')).rejects.toThrow(
    /others keep writing over the tag/,
  );
  await proxy.close();
});

it.each(['distribution', 'memory'] as const)('are shared with oras, on %s', async (kind) => {
  const repository = fresh(kind);
  const subject = await image(repository, { os: 'linux', architecture: 'amd64' }, 'v1');
  const { descriptor } = await referrer(repository, subject, 'application/ours');
  const oras = await tool('oras');
  const place = `${registries[kind].host}/${repository.name}:v1`;
  const run = async (...args: string[]) => (await command(oras, [...args, '--plain-http', place])).stdout;
  expect(await run('discover', '--format', 'json')).toContain(descriptor.digest);
  await run('attach', '--artifact-type', 'application/theirs', '--annotation', 'a=b');
  const found = await listReferrers(repository, subject.digest);
  expect(found.map(({ artifactType }) => artifactType).sort()).toEqual([
    'application/ours',
    'application/theirs',
  ]);
});

describe('mergeIndex', () => {
  it('makes one index of images pushed by digest, with what their configurations name', async () => {
    const repository = fresh('distribution');
    const amd = await image(repository, { os: 'linux', architecture: 'amd64' });
    const arm = await image(repository, { os: 'linux', architecture: 'arm64', variant: 'v8' });
    const merge = () =>
      mergeIndex(repository, [amd.digest, arm.digest, amd.digest], 'v1', { annotations: { a: 'b' } });
    const { descriptor } = await merge();
    expect((await merge()).descriptor).toEqual(descriptor);
    const stored = await getManifest(repository, 'v1');
    expect(stored.descriptor).toEqual(descriptor);
    expect(JSON.parse(stored.bytes.toString())).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.index,
      manifests: [
        { ...amd, platform: { os: 'linux', architecture: 'amd64' } },
        { ...arm, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
      ],
      annotations: { a: 'b' },
    });
  });

  it('takes over what is in indexes, attestations included', async () => {
    const repository = fresh('distribution');
    const builds = await Promise.all(
      ['amd64', 'arm64'].map(async (architecture) => {
        const built = {
          ...(await image(repository, { os: 'linux', architecture })),
          platform: { os: 'linux', architecture },
        };
        const attestation = {
          ...(await image(repository, { os: 'unknown', architecture: 'unknown', of: architecture })),
          platform: { os: 'unknown', architecture: 'unknown' },
          annotations: {
            'vnd.docker.reference.type': 'attestation-manifest',
            'vnd.docker.reference.digest': built.digest,
          },
        };
        const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [built, attestation] };
        const pushed = await putManifest(repository, {
          mediaType: mediaTypes.index,
          bytes: Buffer.from(JSON.stringify(index)),
        });
        return { digest: pushed.descriptor.digest, manifests: index.manifests };
      }),
    );
    await mergeIndex(
      repository,
      builds.map(({ digest }) => digest),
      'v1',
    );
    const stored = JSON.parse((await getManifest(repository, 'v1')).bytes.toString());
    expect(stored.manifests).toEqual(builds.flatMap(({ manifests }) => manifests));
  });

  it('refuses two images for one platform, and what is not there', async () => {
    const repository = fresh('distribution');
    const one = await image(repository, { os: 'linux', architecture: 'amd64', config: 1 });
    const other = await image(repository, { os: 'linux', architecture: 'amd64', config: 2 });
    await expect(mergeIndex(repository, [one.digest, other.digest], 'v1')).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringContaining(`are for linux/amd64: ${one.digest} and ${other.digest}`),
    });
    await expect(mergeIndex(repository, [`sha256:${'0'.repeat(64)}`], 'v1')).rejects.toMatchObject({
      status: 404,
    });
    expect(await headManifest(repository, 'v1')).toBeUndefined();
  });
});
