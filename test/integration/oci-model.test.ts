import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  bytesSource,
  type Descriptor,
  digestOf,
  headManifest,
  listReferrers,
  mediaTypes,
  pushBlob,
  putManifest,
  Registry,
  type Repository,
} from '@mlops/oci';
import { packAndPushModel, packModel, pullModel, pushModel, readModel, verifyModel } from '@mlops/oci/model';
import {
  type OciProxy,
  type OciRegistry,
  type ProxiedRequest,
  startOciProxy,
  startOciRegistry,
} from '@mlops/testkit/oci';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const mebi = 1024 * 1024;
const large = randomBytes(40 * mebi);

let registry: OciRegistry;
let proxy: OciProxy;
let root: string;
let model: string;
let target: string;
let count = 0;
let repository: Repository;

beforeAll(async () => {
  registry = await startOciRegistry();
});
afterAll(() => registry?.close());
beforeEach(async () => {
  proxy = await startOciProxy(registry.host);
  repository = new Registry(proxy.host, { credentials: async () => undefined, pauseMs: 1 }).repository(
    `models/${count++}`,
  );
  root = await mkdtemp(join(tmpdir(), 'oci-model-'));
  model = join(root, 'model');
  target = join(root, 'pulled');
  await write(model, {
    'model.safetensors': large,
    'config.json': '{"a":1}',
    'copy/config.json': '{"a":1}',
    'src/__init__.py': '',
    'README.md': '# A model',
  });
});
afterEach(async () => {
  await proxy.close();
  await rm(root, { recursive: true, force: true });
});

async function write(folder: string, files: Record<string, string | Buffer>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** The digest of each file. */
async function contentOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(
    await Promise.all(
      files.map(async (file) => [file.slice(folder.length + 1), digestOf(await readFile(file))]),
    ),
  );
}

const push = async (tag: string | undefined = 'v1', options = {}) =>
  pushModel(repository, await packModel(model), tag, options);
const blobsRead = () =>
  proxy.requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/sha256:'));
const is = (method: string, part: string) => (request: ProxiedRequest) =>
  request.method === method && request.path.includes(part);

it('is pushed and pulled whole, and the second time nothing is sent or fetched', async () => {
  const progress: number[] = [];
  const pushed = await push('v1', {
    onProgress: (done: number, total: number) => progress.push(done / total),
  });
  expect(pushed).toMatchObject({ uploaded: 5, mounted: 0, present: 0 });
  expect(progress.at(-1)).toBe(1);
  const { files, received, descriptor } = await pullModel(repository, 'v1', target);
  expect(descriptor).toEqual(pushed.descriptor);
  expect(files.map(({ path, kind }) => [path, kind])).toEqual([
    ['README.md', 'doc'],
    ['config.json', 'weight.config'],
    ['copy/config.json', 'weight.config'],
    ['model.safetensors', 'weight'],
    ['src/__init__.py', 'code'],
  ]);
  expect(received).toBe(large.length + 7 + 9);
  expect(await contentOf(target)).toEqual(await contentOf(model));

  const requests = proxy.requests.length;
  expect(await push()).toMatchObject({ sent: 0, present: 5, uploaded: 0 });
  expect(proxy.requests.slice(requests).map(({ method, bytes }) => [method, bytes])).toEqual([['HEAD', 0]]);
  expect(await push('v2')).toMatchObject({ sent: 0, present: 5, uploaded: 0 });
  expect((await pullModel(repository, 'v1', target)).received).toBe(0);
});

it('is sent while it is hashed, with the same result', async () => {
  const { pack, ...pushed } = await packAndPushModel(repository, model, 'v1');
  expect(pushed).toMatchObject({ uploaded: 5, present: 0 });
  expect(pack.manifest).toEqual((await packModel(model)).manifest);
  expect((await verifyModel(repository, 'v1')).missing).toEqual([]);
  const requests = proxy.requests.length;
  expect(await packAndPushModel(repository, model, 'v1')).toMatchObject({ sent: 0, uploaded: 0 });
  expect(proxy.requests.slice(requests).every(({ method, bytes }) => method === 'HEAD' && bytes === 0)).toBe(
    true,
  );
});

it('leaves no manifest, and waits for nothing, when a file is refused or cannot be packed', async () => {
  proxy.inject({ kind: 'answer', status: 403 }, is('POST', ''));
  await expect(packAndPushModel(repository, model, 'v1')).rejects.toMatchObject({ status: 403 });
  await expect(push('v1', { signal: AbortSignal.abort(new Error('cancelled')) })).rejects.toThrow(
    'cancelled',
  );
  proxy.inject({ kind: 'answer', status: 413 }, is('PATCH', ''));
  await expect(push()).rejects.toMatchObject({ status: 413 });
  await writeFile(join(model, 'other.bin'), 'version https://git-lfs.github.com/spec/v1\noid x');
  await expect(packAndPushModel(repository, model, 'v1')).rejects.toThrow(
    /'other.bin' is a pointer of Git LFS/,
  );
  expect(await headManifest(repository, 'v1')).toBeUndefined();
});

it('sends and fetches of a new version what changed, and links from other repositories what they have', async () => {
  await push();
  await pullModel(repository, 'v1', target);
  await write(model, { 'README.md': '# A better model' });
  expect(await push('v2')).toMatchObject({ uploaded: 2, present: 3 });
  expect((await pullModel(repository, 'v2', target)).received).toBe(16);
  expect(await contentOf(target)).toEqual(await contentOf(model));
  const other = repository.registry.repository(`${repository.name}/production`);
  const moved = await pushModel(other, await packModel(model), 'v2', { mountFrom: [repository.name] });
  expect(moved).toMatchObject({ sent: 0, mounted: 5 });
});

it('is found by digest alone, and among the referrers of its subject', async () => {
  const bytes = Buffer.from('{}');
  const config = { mediaType: mediaTypes.empty, digest: digestOf(bytes), size: 2 };
  await pushBlob(repository, config, bytesSource(bytes));
  const image = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: [] };
  const { descriptor: subject } = await putManifest(repository, {
    mediaType: mediaTypes.manifest,
    bytes: Buffer.from(JSON.stringify(image)),
  });
  const { descriptor } = await pushModel(repository, await packModel(model, { subject }), undefined);
  const [found] = await listReferrers(repository, subject.digest, {
    artifactType: 'application/vnd.cncf.model.manifest.v1+json',
  });
  expect(found?.digest).toBe(descriptor.digest);
  expect((await readModel(repository, descriptor.digest)).descriptor).toEqual(descriptor);
});

it('goes on with a pull that was ended, and puts nothing in place before all is there', async () => {
  await push();
  await write(target, { 'README.md': 'of before', 'own.txt': 'not of the model' });
  const ended = new AbortController();
  const onProgress = (done: number) => done > 20 * mebi && ended.abort(new Error('ended'));
  await expect(
    pullModel(repository, 'v1', target, { signal: ended.signal, onProgress, parallel: 1 }),
  ).rejects.toThrow('ended');
  expect(await readFile(join(target, 'README.md'), 'utf8')).toBe('of before');
  const before = blobsRead().length;
  await pullModel(repository, 'v1', target);
  expect(
    blobsRead()
      .slice(before)
      .map(({ headers }) => headers.range),
  ).toContainEqual(expect.stringMatching(/^bytes=\d{8}-$/));
  expect(await contentOf(target)).toEqual({
    ...(await contentOf(model)),
    'own.txt': digestOf(Buffer.from('not of the model')),
  });
});

it('survives cut connections both ways, and refuses what was altered', async () => {
  proxy.inject({ kind: 'cut-request', after: 10 * mebi }, is('PATCH', ''));
  await push();
  proxy.inject({ kind: 'cut-answer', after: 10 * mebi }, is('GET', digestOf(large)));
  await pullModel(repository, 'v1', target);
  expect(await contentOf(target)).toEqual(await contentOf(model));

  const flip = ({ body }: { body: Buffer }) =>
    Buffer.concat([Buffer.from([(body[0] ?? 0) ^ 1]), body.subarray(1)]);
  for (const part of [digestOf(large), digestOf(Buffer.from('# A model')), '/manifests/v1']) {
    const fresh = await mkdtemp(join(root, 'fresh-'));
    proxy.inject({ kind: 'alter', alter: flip }, is('GET', part));
    await expect(pullModel(repository, 'v1', fresh)).rejects.toThrow(
      /is not what was asked for: its digest is/,
    );
    expect((await readdir(fresh)).filter((name) => !name.startsWith('.model-'))).toEqual([]);
  }
});

it('is verified in the registry and in a folder', async () => {
  await push();
  await pullModel(repository, 'v1', target);
  expect((await verifyModel(repository, 'v1')).missing).toEqual([]);
  expect((await verifyModel(repository, 'v1', { folder: target })).missing).toEqual([]);
  await writeFile(join(target, 'config.json'), '{"a":2}');
  await rm(join(target, 'README.md'));
  expect((await verifyModel(repository, 'v1', { folder: target })).missing).toEqual([
    'README.md',
    'config.json',
  ]);
  proxy.inject({ kind: 'answer', status: 404 }, is('HEAD', digestOf(large)));
  expect((await verifyModel(repository, 'v1')).missing).toEqual(['model.safetensors']);
});

describe('what others pushed', () => {
  const content = Buffer.from('harmless');
  const layerOf = (path: string | undefined, mediaType = 'application/vnd.cncf.model.weight.v1.raw') => ({
    ...{ mediaType, digest: digestOf(content), size: content.length },
    ...(path !== undefined && { annotations: { 'org.cncf.model.filepath': path } }),
  });

  async function pushed(
    layers: Descriptor[],
    { diffIds = layers.map(({ digest }) => digest), more = {} } = {},
  ): Promise<void> {
    await pushBlob(repository, layerOf(''), bytesSource(content));
    const bytes = Buffer.from(
      JSON.stringify({ descriptor: {}, config: {}, modelfs: { type: 'layers', diffIds } }),
    );
    const config = {
      mediaType: 'application/vnd.cncf.model.config.v1+json',
      digest: digestOf(bytes),
      size: bytes.length,
    };
    await pushBlob(repository, config, bytesSource(bytes));
    const manifest = {
      ...{
        schemaVersion: 2,
        mediaType: mediaTypes.manifest,
        artifactType: 'application/vnd.cncf.model.manifest.v1+json',
      },
      ...{ config, layers, ...more },
    };
    await putManifest(repository, {
      mediaType: mediaTypes.manifest,
      bytes: Buffer.from(JSON.stringify(manifest)),
      target: 'v1',
    });
  }

  it.each(['../escaped', '/escaped', 'a/../../escaped', '..\\escaped', 'C:escaped', ''])(
    'is not written to %j',
    async (path) => {
      await pushed([layerOf('fine'), layerOf(path)]);
      await expect(pullModel(repository, 'v1', target)).rejects.toThrow(
        /is not written to disk: '.*' is no path below a folder/,
      );
      expect(await readdir(root)).toEqual(['model']);
    },
  );

  it('is not written through links, nor over folders, and replaces a link rather than what it leads to', async () => {
    const outside = join(root, 'outside');
    await write(outside, { file: 'precious' });
    await pushed([layerOf('sub/file'), layerOf('file')]);
    await mkdir(target);
    await symlink(outside, join(target, 'sub'));
    await expect(pullModel(repository, 'v1', target)).rejects.toThrow(
      /'sub\/file' cannot be written: '.*sub' is a link/,
    );
    await rm(join(target, 'sub'));
    await mkdir(join(target, 'file'));
    await expect(pullModel(repository, 'v1', target)).rejects.toThrow(
      /'file' cannot be written: '.*' is a folder/,
    );
    await rm(join(target, 'file'), { recursive: true });
    await symlink(join(outside, 'file'), join(target, 'file'));
    await pullModel(repository, 'v1', target);
    expect(await readFile(join(target, 'file'), 'utf8')).toBe('harmless');
    expect(await readFile(join(outside, 'file'), 'utf8')).toBe('precious');
  });

  it('is refused when it is no model, contradicts itself, or is packed into archives', async () => {
    await pushed([layerOf('a')], { diffIds: [`sha256:${'0'.repeat(64)}`] });
    await expect(readModel(repository, 'v1')).rejects.toThrow(/contradicts itself/);
    await pushed([layerOf('a', 'application/vnd.cncf.model.weight.v1.tar')]);
    await expect(readModel(repository, 'v1')).rejects.toMatchObject({
      message: /is of type .*tar/,
      advice: /--raw/,
    });
    await pushed([layerOf(undefined)]);
    await expect(readModel(repository, 'v1')).rejects.toThrow(/has no annotation org.cncf.model.filepath/);
    await pushed([layerOf('a'), layerOf('A')]);
    await expect(readModel(repository, 'v1')).rejects.toThrow(/same file on some systems/);
    await pushed([layerOf('a')], {
      more: { artifactType: 'application/other', config: layerOf('a', 'application/json') },
    });
    await expect(readModel(repository, 'v1')).rejects.toThrow(
      /is no model: it is of type application\/other/,
    );
    expect(await headManifest(repository, 'v2')).toBeUndefined();
    await expect(readModel(repository, 'v2')).rejects.toMatchObject({ status: 404 });
  });
});
