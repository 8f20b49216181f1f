import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bytesSource,
  connect,
  digestOf,
  fileSource,
  getManifest,
  hasBlob,
  headManifest,
  listTags,
  mediaTypes,
  parseReference,
  pullBlob,
  pushBlob,
  putManifest,
  Registry,
  type RegistryOptions,
  type Repository,
  readBlob,
} from '@mlops/oci';
import {
  type OciProxy,
  type OciRegistry,
  type ProxiedRequest,
  startOciProxy,
  startOciRegistry,
} from '@mlops/testkit/oci';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const mebi = 1024 * 1024;
/** Large enough to be cut several times. */
const size = 40 * mebi;
const large = randomBytes(size);
const blob = { digest: digestOf(large), size };

let registry: OciRegistry;
let proxy: OciProxy;
let folder: string;
let file: string;
let count = 0;
let repository: Repository;

beforeAll(async () => {
  registry = await startOciRegistry({ authenticated: true });
  folder = await mkdtemp(join(tmpdir(), 'oci-test-'));
  file = join(folder, 'large.bin');
  await writeFile(file, large);
});
afterAll(async () => {
  await registry?.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  proxy = await startOciProxy(registry.host);
  repository = open().repository(`org/test-${count++}`);
});
afterEach(() => proxy.close());

const open = (options: RegistryOptions = {}) =>
  new Registry(proxy.host, { credentials: registry.credentials, pauseMs: 1, ...options });
const is =
  (method: string, part = '') =>
  (request: ProxiedRequest) =>
    request.method === method && request.path.includes(part);
const sentBodies = () => proxy.requests.reduce((sum, { bytes }) => sum + bytes, 0);
const requestsOf = (method: string) => proxy.requests.filter((request) => request.method === method);
const push = (options = {}) => pushBlob(repository, blob, fileSource(file), options);
const pushed = async () => Buffer.compare(await readBlob(repository, blob, { limit: size }), large) === 0;

async function anyManifest(): Promise<{ mediaType: string; bytes: Buffer }> {
  const config = Buffer.from('{}');
  const descriptor = { mediaType: mediaTypes.empty, digest: digestOf(config), size: config.length };
  await pushBlob(repository, descriptor, bytesSource(config));
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: descriptor, layers: [] };
  return { mediaType: mediaTypes.manifest, bytes: Buffer.from(JSON.stringify(manifest)) };
}

describe('blobs', () => {
  it('are sent in chunks, found again, linked into other repositories, and read back', async () => {
    const progress: number[] = [];
    const first = await push({ chunkBytes: 16 * mebi, onProgress: (sent: number) => progress.push(sent) });
    expect(first).toEqual({ how: 'uploaded', sent: size });
    expect(progress.at(-1)).toBe(size);
    expect(requestsOf('PATCH').map(({ headers }) => headers['content-range'])).toEqual([
      `0-${16 * mebi - 1}`,
      `${16 * mebi}-${32 * mebi - 1}`,
      `${32 * mebi}-${size - 1}`,
    ]);
    const before = sentBodies();
    expect(await push()).toEqual({ how: 'present', sent: 0 });
    const other = repository.registry.repository(`${repository.name}-copy`);
    const linked = await pushBlob(other, blob, fileSource(file), {
      mountFrom: ['org/nothing-there', repository.name],
    });
    expect(linked).toEqual({ how: 'mounted', sent: 0 });
    expect(sentBodies()).toBe(before);
    expect(await hasBlob(other, blob)).toBe(true);
    expect(await pushed()).toBe(true);
  });

  it('go up in two requests when they are small, and when they are empty', async () => {
    for (const bytes of [Buffer.from('small'), Buffer.alloc(0)]) {
      const one = { digest: digestOf(bytes), size: bytes.length };
      expect(await pushBlob(repository, one, bytesSource(bytes))).toEqual({
        how: 'uploaded',
        sent: bytes.length,
      });
      expect(await readBlob(repository, one)).toEqual(bytes);
    }
    expect(requestsOf('PATCH')).toHaveLength(0);
  });

  it('are begun anew where the registry drops what was cut in the middle of a chunk', async () => {
    proxy.inject({ kind: 'cut-request', after: 25 * mebi }, is('PATCH'));
    const { how, sent } = await push();
    expect(how).toBe('uploaded');
    expect(sent).toBeGreaterThan(size);
    expect(await pushed()).toBe(true);
  });

  it('go on from the last whole chunk when the connection breaks, or the registry is busy, before the next', async () => {
    const isThird = ({ headers }: ProxiedRequest) => headers['content-range'] === `${32 * mebi}-${size - 1}`;
    proxy.inject({ kind: 'answer', status: 503, headers: { 'retry-after': '0' } }, isThird);
    proxy.inject({ kind: 'answer', status: 429, headers: { 'retry-after': '0' } }, isThird);
    expect((await push({ chunkBytes: 16 * mebi })).how).toBe('uploaded');
    expect(requestsOf('POST')).toHaveLength(1);
    expect(requestsOf('PATCH').filter(({ status }) => status === 202)).toHaveLength(3);
    expect(await pushed()).toBe(true);
  });

  it('are sent where they cannot be linked', async () => {
    const bytes = Buffer.from('cannot be linked');
    const one = { digest: digestOf(bytes), size: bytes.length };
    proxy.inject({ kind: 'answer', status: 403 }, is('POST', 'mount='));
    const result = await pushBlob(repository, one, bytesSource(bytes), { mountFrom: ['org/secret'] });
    expect(result).toEqual({ how: 'uploaded', sent: bytes.length });
  });

  it.each([
    [413, /smaller chunks/],
    [403, /right to push to/],
  ])(
    'stop at a %s in the middle, which the registry says before it has read them',
    async (status, advice) => {
      proxy.inject({ kind: 'answer', status }, is('PATCH'));
      const error = await push().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: 'UserError', status, advice: expect.stringMatching(advice) });
      expect(await hasBlob(repository, blob)).toBe(false);
    },
  );

  it('count as sent when only the answer was lost', async () => {
    proxy.inject({ kind: 'lose-answer' }, is('PUT'));
    expect(await push()).toEqual({ how: 'uploaded', sent: size });
    expect(await pushed()).toBe(true);
  });

  it('are refused when they are not what they should be', async () => {
    const other = join(folder, 'changed.bin');
    await writeFile(
      other,
      Buffer.concat([large.subarray(0, size - 1), Buffer.from([(large[size - 1] ?? 0) ^ 1])]),
    );
    await expect(pushBlob(repository, blob, fileSource(other))).rejects.toMatchObject({
      status: 400,
      codes: ['DIGEST_INVALID'],
    });
    expect(await hasBlob(repository, blob)).toBe(false);
    await truncate(other, 10);
    await expect(pushBlob(repository, blob, fileSource(other))).rejects.toThrow(
      `ended ${size - 10} bytes too early`,
    );
    expect(await hasBlob(repository, blob)).toBe(false);
  });

  it('come whole over connections that are cut, from where each broke', async () => {
    await push();
    const target = join(folder, `${count}.part`);
    for (const after of [30, 7, 2])
      proxy.inject({ kind: 'cut-answer', after: after * mebi }, is('GET', '/blobs/'));
    await pullBlob(repository, blob, target);
    expect(Buffer.compare(await readFile(target), large)).toBe(0);
    const ranges = requestsOf('GET')
      .filter(({ path }) => path.includes('/blobs/'))
      .map(({ headers }) => headers.range);
    expect(ranges[0]).toBeUndefined();
    expect(ranges.slice(1)).toEqual([1, 2, 3].map(() => expect.stringMatching(/^bytes=\d+-$/)));
  });

  it('come whole over connections on which nothing moves any more', async () => {
    await push();
    const target = join(folder, `${count}.part`);
    const impatient = open({ idleMs: 200 }).repository(repository.name);
    await hasBlob(impatient, blob); // Logged in.
    proxy.inject({ kind: 'stall', after: 10 * mebi }, is('GET', '/blobs/'));
    await pullBlob(impatient, blob, target);
    expect(Buffer.compare(await readFile(target), large)).toBe(0);
    expect(requestsOf('GET').at(-1)?.headers.range).toMatch(/^bytes=\d+-$/);
  });

  it('go on from what an ended pull left, and begin again when that is something else', async () => {
    await push();
    const target = join(folder, `${count}.part`);
    await writeFile(target, large.subarray(0, 39 * mebi));
    await pullBlob(repository, blob, target);
    expect(Buffer.compare(await readFile(target), large)).toBe(0);
    expect(requestsOf('GET').at(-1)?.headers.range).toBe(`bytes=${39 * mebi}-`);

    await writeFile(target, randomBytes(10));
    await expect(pullBlob(repository, blob, target)).rejects.toThrow(/its digest is sha256:\w+ instead of/);
    expect((await stat(target)).size).toBe(0);
    await pullBlob(repository, blob, target);
    expect(Buffer.compare(await readFile(target), large)).toBe(0);
  });

  it('that a proxy alters, shortens or lengthens are an error', async () => {
    const bytes = Buffer.from('what was pushed');
    const one = { digest: digestOf(bytes), size: bytes.length };
    await pushBlob(repository, one, bytesSource(bytes));
    const get = is('GET', '/blobs/');
    proxy.inject({ kind: 'alter', alter: () => Buffer.from('what was PUSHED') }, get);
    await expect(readBlob(repository, one)).rejects.toThrow(/is not what was asked for/);
    proxy.inject({ kind: 'alter', alter: ({ body }) => Buffer.concat([body, body]) }, get);
    await expect(readBlob(repository, one)).rejects.toThrow(/sends more than the 15 bytes/);
    proxy.inject({ kind: 'alter', alter: ({ body }) => body.subarray(1) }, get, 5);
    await expect(readBlob(repository, one)).rejects.toThrow(
      /the answer ended after|is not what was asked for|sends/,
    );
    expect(await readBlob(repository, one)).toEqual(bytes);
  });
});

describe('manifests', () => {
  it('are read by tag and by digest, and listed', async () => {
    const manifest = await anyManifest();
    expect(await headManifest(repository, 'v1')).toBeUndefined();
    expect(await listTags(repository)).toEqual([]);
    const { descriptor } = await putManifest(repository, { ...manifest, target: 'v1' });
    await putManifest(repository, manifest);
    for (const target of ['v2', 'v3', 'v4', 'v5']) await putManifest(repository, { ...manifest, target });
    expect(await getManifest(repository, 'v1')).toEqual({ descriptor, bytes: manifest.bytes });
    expect(await getManifest(repository, descriptor.digest)).toEqual({ descriptor, bytes: manifest.bytes });
    expect(await headManifest(repository, 'v1')).toEqual(descriptor);
    expect((await listTags(repository)).sort()).toEqual(['v1', 'v2', 'v3', 'v4', 'v5']);
  });

  it('are never used when a proxy alters them or their digest', async () => {
    const manifest = await anyManifest();
    const { descriptor } = await putManifest(repository, { ...manifest, target: 'v1' });
    const other = `sha256:${'0'.repeat(64)}`;
    const get = is('GET', '/manifests/');
    const altered = /is not what was asked for: its digest is/;
    const longer = ({ body }: { body: Buffer }) => Buffer.concat([body, Buffer.from(' ')]);
    const renamed = ({ headers, body }: { headers: Record<string, unknown>; body: Buffer }) => {
      headers['docker-content-digest'] = other;
      return body;
    };
    for (const target of ['v1', descriptor.digest]) {
      proxy.inject({ kind: 'alter', alter: longer }, get);
      await expect(getManifest(repository, target)).rejects.toThrow(altered);
      proxy.inject({ kind: 'alter', alter: renamed }, get);
      await expect(getManifest(repository, target)).rejects.toThrow(altered);
    }
    proxy.inject({ kind: 'alter', alter: renamed }, is('HEAD', '/manifests/'));
    await expect(headManifest(repository, descriptor.digest)).rejects.toThrow(altered);
    proxy.inject({ kind: 'alter', alter: renamed }, is('PUT'));
    await expect(putManifest(repository, { ...manifest, target: 'v1' })).rejects.toThrow(
      /what .* stored as 'v1' is not what/,
    );
    expect((await getManifest(repository, 'v1')).descriptor).toEqual(descriptor);
  });

  it('survive answers that are cut', async () => {
    const manifest = await anyManifest();
    await putManifest(repository, { ...manifest, target: 'v1' });
    proxy.inject({ kind: 'cut-answer', after: 20 }, is('GET', '/manifests/'), 2);
    proxy.inject({ kind: 'lose-answer' }, is('PUT'));
    expect((await getManifest(repository, 'v1')).bytes).toEqual(manifest.bytes);
    await putManifest(repository, { ...manifest, target: 'v2' });
  });
});

describe('refusals', () => {
  it.each([
    [401, /not accepted/],
    [403, /right to pull from/],
    [404, /Check the name/],
    [413, /smaller chunks/],
  ])(
    'of %s are an error at once, which names registry and repository and what to do',
    async (status, advice) => {
      proxy.inject(
        { kind: 'answer', status, body: '{"errors":[{"code":"X","message":"because"}]}' },
        is('GET'),
      );
      await hasBlob(repository, blob); // Logged in.
      const error = await getManifest(repository, 'v1').catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        name: 'UserError',
        message: `pulling the manifest 'v1' failed: ${proxy.host}/${repository.name} answered ${status}: X: because`,
        advice: expect.stringMatching(advice),
      });
      expect(String(error)).not.toContain(registry.credentials.password);
      expect(requestsOf('GET')).toHaveLength(1);
    },
  );

  it.each([408, 429, 500, 503])('of %s are tried again, and named when they last', async (status) => {
    proxy.inject({ kind: 'answer', status, headers: { 'retry-after': '0' } }, is('HEAD'), 4);
    expect(await hasBlob(repository, blob)).toBe(false);
    proxy.inject({ kind: 'answer', status, headers: { 'retry-after': '0' } }, is('HEAD'), 100);
    await expect(hasBlob(repository, blob)).rejects.toMatchObject({ status, name: 'UserError' });
  });

  it('that ask for a longer pause than there is time for are final', async () => {
    proxy.inject({ kind: 'answer', status: 429, headers: { 'retry-after': '100000' } }, is('HEAD'));
    await expect(hasBlob(repository, blob)).rejects.toMatchObject({ status: 429 });
    expect(proxy.requests).toHaveLength(1);
  });

  it('of wrong and missing credentials say which', async () => {
    const wrong = open({ credentials: { username: 'user', password: 'wrong-password' } }).repository('a');
    const error = await listTags(wrong).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 401, advice: expect.stringContaining('not accepted') });
    expect(String(error)).not.toContain('wrong-password');
    const none = open({ credentials: async () => undefined }).repository('a');
    await expect(listTags(none)).rejects.toMatchObject({
      status: 401,
      advice: expect.stringContaining('Log in'),
    });
  });

  it('of hosts that do not answer are named', async () => {
    proxy.inject({ kind: 'stall' }, is('HEAD'), 100);
    const stalled = open({ idleMs: 50, attempts: 2 }).repository('a');
    await expect(hasBlob(stalled, blob)).rejects.toThrow(
      /the connection to .* failed: nothing moved for 0.05 s/,
    );
    const patient = open({ deadlineMs: 50 }).repository('a');
    await expect(hasBlob(patient, blob)).rejects.toMatchObject({
      name: 'UserError',
      message: /not done within 0.05 s/,
    });
    const closed = new Registry('127.0.0.1:1', { credentials: async () => undefined, attempts: 1 });
    await expect(hasBlob(closed.repository('a'), blob)).rejects.toThrow(
      /the connection to 127.0.0.1:1 failed: .*ECONNREFUSED/,
    );
  });

  it('of what is no http are those of a registry that speaks https by default', async () => {
    const { repository: remote } = connect(parseReference(`${proxy.host}/a`), {
      ...{ credentials: async () => undefined, attempts: 1, insecure: false },
    });
    await expect(hasBlob(remote, blob)).rejects.toMatchObject({ name: 'UserError' });
  });
});

describe('an abort', () => {
  it('ends a push and a pull with its own reason', async () => {
    const aborted = new Error('cancelled by the user');
    const pushing = new AbortController();
    const onProgress = () => pushing.abort(aborted);
    await expect(push({ signal: pushing.signal, onProgress })).rejects.toBe(aborted);
    await push();
    const pulling = new AbortController();
    const target = join(folder, `${count}.part`);
    await expect(
      pullBlob(repository, blob, target, {
        signal: pulling.signal,
        onProgress: () => pulling.abort(aborted),
      }),
    ).rejects.toBe(aborted);
    await pullBlob(repository, blob, target);
    expect(Buffer.compare(await readFile(target), large)).toBe(0);
  });

  it('ends the wait for another try', async () => {
    proxy.inject({ kind: 'answer', status: 503, headers: { 'retry-after': '60' } }, is('HEAD'));
    const waiting = new AbortController();
    const onRetry = () => waiting.abort(new Error('enough'));
    const found = hasBlob(open({ onRetry }).repository('a'), blob, { signal: waiting.signal });
    await expect(found).rejects.toThrow('enough');
  });
});
