import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeOciLayout } from '../src/index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mlops-layout-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('writeOciLayout', () => {
  it('names everything by its digest, and gives the same bytes again', async () => {
    const layer = join(folder, 'layer.tar');
    await writeFile(layer, 'a layer'.repeat(1000));
    const indexes = await Promise.all(
      ['one', 'two'].map(async (name) => {
        await writeOciLayout(join(folder, name), [layer], { Cmd: ['serve'] });
        return readFile(join(folder, name, 'index.json'), 'utf8');
      }),
    );
    expect(indexes[0]).toBe(indexes[1]);
    const blobs = join(folder, 'one', 'blobs', 'sha256');
    for (const name of await readdir(blobs)) expect(digest(await readFile(join(blobs, name)))).toBe(name);
    const read = async (descriptor: { digest: string }) =>
      readFile(join(blobs, descriptor.digest.replace('sha256:', '')));
    const manifest = JSON.parse((await read(JSON.parse(indexes[0] ?? '').manifests[0])).toString());
    const config = JSON.parse((await read(manifest.config)).toString());
    expect(config).toMatchObject({ os: 'linux', architecture: 'amd64', config: { Cmd: ['serve'] } });
    const content = gunzipSync(await read(manifest.layers[0]));
    expect(content.toString()).toBe('a layer'.repeat(1000));
    expect(config.rootfs.diff_ids).toEqual([`sha256:${digest(content)}`]);
  });
});

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
