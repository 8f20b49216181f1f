import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * GitHub's cache and artifact services on loopback: the Twirp methods that @actions/cache and @actions/artifact call,
 * and the part of Azure's blob protocol that their transfers use. Key matching is the service's: exact, then by
 * prefix of the key, then by prefix of each restore key, newest first. `lowerCaseKeys`: as act's service does.
 */
export interface Service {
  /** What the runner would set in a job's environment. */
  env: Record<string, string>;
  /** Answers calls of this method with this status instead; undefined ends that. */
  fail(method: string, status: number | undefined): void;
  /** Replaces the bytes of the newest upload. */
  damage(change: (bytes: Buffer) => Buffer): void;
  /** The methods that were called, in order. */
  calls: string[];
  close(): Promise<void>;
}

interface CacheEntry {
  key: string;
  version: string;
  blob: string;
  done: boolean;
}

interface ArtifactEntry {
  name: string;
  blob: string;
  id: number;
  digest: string | undefined;
  size: string;
}

export async function startService({ lowerCaseKeys = false } = {}): Promise<Service> {
  const blobs = new Map<string, Buffer>();
  const blocks = new Map<string, Buffer>();
  const caches: CacheEntry[] = [];
  const artifacts: ArtifactEntry[] = [];
  const failing = new Map<string, number>();
  const calls: string[] = [];
  let address = '';
  let newestBlob = '';

  const newBlob = (suffix: string) => {
    newestBlob = `${caches.length + artifacts.length}${suffix}`;
    return newestBlob;
  };
  const urlOf = (blob: string) => `${address}/blob/${blob}?sig=secret`;

  const inCase = (key: string) => (lowerCaseKeys ? key.toLowerCase() : key);
  const entryOf = (key: string, version: string) =>
    caches.find((entry) => entry.key === inCase(key) && entry.version === version);

  // biome-ignore lint/suspicious/noExplicitAny: requests are JSON of many shapes
  const methods: Record<string, (request: any) => object | number> = {
    CreateCacheEntry({ key, version }) {
      if (entryOf(key, version)) return 409;
      caches.push({ key: inCase(key), version, blob: newBlob(''), done: false });
      return { ok: true, signed_upload_url: urlOf(newestBlob) };
    },
    FinalizeCacheEntryUpload({ key, version }) {
      const entry = entryOf(key, version);
      if (entry) entry.done = true;
      return { ok: entry !== undefined, entry_id: '7' };
    },
    GetCacheEntryDownloadURL({ key, restore_keys = [], version }) {
      const usable = caches.filter((entry) => entry.done && entry.version === version).toReversed();
      const tests = [
        (k: string) => k === inCase(key),
        ...[key, ...restore_keys].map((prefix) => (k: string) => k.startsWith(inCase(prefix))),
      ];
      const found = tests.map((test) => usable.find((entry) => test(entry.key))).find(Boolean);
      return found
        ? { ok: true, matched_key: found.key, signed_download_url: urlOf(found.blob) }
        : { ok: false };
    },
    CreateArtifact({ name }) {
      if (artifacts.some((artifact) => artifact.name === name)) return 409;
      artifacts.push({ name, blob: newBlob('.zip'), id: artifacts.length + 1, digest: undefined, size: '0' });
      return { ok: true, signed_upload_url: urlOf(newestBlob) };
    },
    FinalizeArtifact({ name, size, hash }) {
      const artifact = artifacts.find((artifact) => artifact.name === name);
      Object.assign(artifact ?? {}, { size, digest: hash });
      return { ok: artifact !== undefined, artifact_id: String(artifact?.id) };
    },
    ListArtifacts({ name_filter, id_filter }) {
      const found = artifacts.filter(
        ({ name, id }) => (!name_filter || name === name_filter) && (!id_filter || String(id) === id_filter),
      );
      return {
        artifacts: found.map(({ name, id, size, digest }) => ({
          workflow_run_backend_id: 'run',
          workflow_job_run_backend_id: 'job',
          database_id: String(id),
          created_at: new Date(1_700_000_000_000).toISOString(),
          name,
          size,
          digest,
        })),
      };
    },
    GetSignedArtifactURL({ name }) {
      return { signed_url: urlOf(artifacts.find((artifact) => artifact.name === name)?.blob ?? 'none') };
    },
  };

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', address);
    const body = await bodyOf(request);
    const method = url.pathname.split('/').at(-1) ?? '';
    if (url.pathname.startsWith('/blob/')) return blob(request, response, url, body);
    calls.push(method);
    const result = failing.get(method) ?? methods[method]?.(JSON.parse(body.toString())) ?? 404;
    const status = typeof result === 'number' ? result : 200;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(
        typeof result === 'number' ? { code: 'error', msg: `told to answer ${status}` } : result,
      ),
    );
  });

  function blob(request: IncomingMessage, response: ServerResponse, url: URL, body: Buffer): void {
    const name = url.pathname.slice('/blob/'.length);
    const status = failing.get(`blob ${request.method}`);
    if (status) {
      response.writeHead(status).end();
    } else if (request.method === 'PUT') {
      if (url.searchParams.get('comp') === 'block') blocks.set(url.searchParams.get('blockid') ?? '', body);
      else if (url.searchParams.get('comp') === 'blocklist') {
        const ids = [...body.toString().matchAll(/<Latest>(.*?)<\/Latest>/g)].map(([, id = '']) => id);
        blobs.set(name, Buffer.concat(ids.map((id) => blocks.get(id) ?? Buffer.alloc(0))));
      } else blobs.set(name, body);
      response
        .writeHead(201, { etag: '"1"', 'content-md5': createHash('md5').update(body).digest('base64') })
        .end();
    } else {
      const content = blobs.get(name) ?? Buffer.alloc(0);
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
      const part = from === undefined ? content : content.subarray(Number(from), Number(to) + 1);
      const type = name.endsWith('.zip') ? 'application/zip' : 'application/octet-stream';
      response.writeHead(from === undefined ? 200 : 206, {
        'content-length': part.length,
        'content-type': type,
      });
      response.end(request.method === 'HEAD' ? undefined : part);
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    env: {
      ACTIONS_RESULTS_URL: `${address}/`,
      ACTIONS_CACHE_SERVICE_V2: 'true',
      ACTIONS_RUNTIME_TOKEN: token({ scp: 'Actions.Results:run:job' }),
    },
    fail: (method, status) => void (status ? failing.set(method, status) : failing.delete(method)),
    damage: (change) => void blobs.set(newestBlob, change(blobs.get(newestBlob) ?? Buffer.alloc(0))),
    calls,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function token(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none' })}.${part(claims)}.`;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
