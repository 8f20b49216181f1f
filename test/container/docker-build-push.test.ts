import { connect, listTags, parseReference } from '@mlops/oci';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inRegistry, messagesOf, type Rig, startRig } from './images.ts';

/** The action with a real BuildKit and a real registry. */

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig?.close());

const copied = { Dockerfile: 'FROM scratch\nCOPY hello /\n', hello: 'hello\n' };

describe('docker-build-push', () => {
  it('pushes an image under the tags of its rules, and says what is in the registry', async () => {
    const root = await rig.project('plain', copied);
    const result = await rig.run(root, {
      images: rig.image('plain'),
      tags: 'type=sha\ntype=raw,value=1.2.3\n',
      labels: 'team=ml',
    });
    expect(messagesOf(result, 'error')).toEqual([]);
    const { outputs } = result;
    expect(outputs['tag-names']?.split('\n').sort()).toEqual(['1.2.3', 'sha-0123456']);
    for (const tag of outputs.tags?.split('\n') ?? [])
      expect((await inRegistry(tag)).digest).toBe(outputs.digest);
    expect(result.record?.images).toMatchObject([
      { digest: outputs.digest, platforms: [{ platform: 'linux/amd64' }] },
    ]);
  });

  it('merges pushes by digest of two platforms into one image', async () => {
    const root = await rig.project('merged', copied);
    const common = { images: rig.image('merged') };
    const digests: string[] = [];
    for (const platforms of ['linux/amd64', 'linux/arm64']) {
      const result = await rig.run(root, { ...common, platforms, 'push-by-digest': true });
      expect(messagesOf(result, 'error')).toEqual([]);
      digests.push(result.outputs.digest ?? '');
    }
    expect(await listTags(connect(parseReference(rig.image('merged'))).repository)).toEqual([]);
    const merged = await rig.run(root, {
      ...common,
      command: 'merge',
      digests: digests.join('\n'),
      tags: 'v1',
    });
    expect(messagesOf(merged, 'error')).toEqual([]);
    expect(Object.keys(JSON.parse(merged.outputs['platform-digests'] ?? '{}'))).toEqual([
      'linux/amd64',
      'linux/arm64',
    ]);
    expect((await inRegistry(rig.image('merged:v1'))).digest).toBe(merged.outputs.digest);
  });

  it('does not push what is larger than its budget, and names the file', async () => {
    const root = await rig.project('large', {
      Dockerfile: 'FROM scratch\nCOPY weights.bin /model/\n',
      'weights.bin': Buffer.alloc(3_000_000, 'mlops').toString(),
    });
    const result = await rig.run(root, { images: rig.image('large'), tags: 'v1', 'size-budget': '1 kB' });
    expect(messagesOf(result, 'error').join('\n')).toMatch(/more than its budget.*\/model\/weights\.bin/);
    expect(result.outputs.digest).toBeUndefined();
    await expect(inRegistry(rig.image('large:v1'))).rejects.toThrow();
    const fits = await rig.run(root, { images: rig.image('large'), tags: 'v1', 'size-budget': '1 MB' });
    expect(messagesOf(fits, 'error')).toEqual([]);
    expect((await inRegistry(rig.image('large:v1'))).digest).toBe(fits.outputs.digest);
  });
});
