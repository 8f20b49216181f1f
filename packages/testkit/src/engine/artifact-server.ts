import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** An artifact as it was uploaded: `path` is the stored file, a zip unless the upload asked for no archive. */
export interface Artifact {
  name: string;
  path: string;
  size: number;
  /** `sha256:<hex>` of the stored file. */
  digest: string;
  contentType: string;
}

export interface ArtifactServer {
  /** What steps see as ACTIONS_RESULTS_URL and ACTIONS_RUNTIME_URL. */
  url: string;
  /** The ACTIONS_RUNTIME_TOKEN of a run; without one the service refuses. */
  token(runId: string): string;
  /** A run's finished artifacts, in the order of their upload. */
  artifacts(runId: string): Artifact[];
  close(): Promise<void>;
}

interface Stored extends Artifact {
  id: number;
  createdAt: string;
  finished: boolean;
  /** What its signed addresses carry. */
  signature: string;
}

type Message = Record<string, unknown>;
const service = '/twirp/github.actions.results.api.v1.ArtifactService/';

/**
 * The runner's artifact service (Twirp calls over JSON, contents to and from Azure block blobs) as @actions/artifact 6
 * speaks it. act 0.2.89 brings one as well, which refuses current clients (it rejects the field `mime_type` and wants
 * the padding of `sig`), appends blocks in the order of their arrival, breaks off when a run
 * has no artifacts, and lets a second upload overwrite the first, which GitHub answers with 409.
 */
export async function startArtifactServer(folder: string): Promise<ArtifactServer> {
  const secret = randomBytes(32);
  const runs = new Map<string, Map<string, Stored>>();
  let lastId = 0;
  let url = '';

  const token = (runId: string) => {
    const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ scp: `Actions.Results:${runId}:${runId}` })}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent) return response.destroy();
      const status = error instanceof Refusal ? error.status : 500;
      answer(response, status, { code: codes[status] ?? 'internal', msg: String((error as Error).message) });
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = new URL(request.url ?? '/', url);
    if (address.pathname.startsWith(service)) {
      const message = JSON.parse((await body(request)).toString()) as Message;
      const runId = String(message.workflow_run_backend_id ?? message.workflowRunBackendId);
      authorize(request, runId);
      return answer(response, 200, call(address.pathname.slice(service.length), runId, message));
    }
    if (address.pathname.startsWith('/artifacts/')) return await content(request, response, address);
    throw new Refusal(
      404,
      `The local engine has no service at ${address.pathname}. A GitHub API has to be started and named by GITHUB_API_URL.`,
    );
  }

  function authorize(request: IncomingMessage, runId: string): void {
    const given = Buffer.from(request.headers.authorization ?? '');
    const wanted = Buffer.from(`Bearer ${token(runId)}`);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
      throw new Refusal(401, `The token does not belong to run ${runId}.`);
    }
  }

  function call(method: string, runId: string, message: Message): Message {
    const artifacts = runs.get(runId) ?? new Map<string, Stored>();
    runs.set(runId, artifacts);
    const name = String(message.name ?? '');
    const existing = artifacts.get(name);
    const finished = () => {
      if (!existing?.finished) throw new Refusal(404, `There is no artifact '${name}' in this run.`);
      return existing;
    };
    switch (method) {
      case 'CreateArtifact': {
        if (existing?.finished) {
          throw new Refusal(409, 'an artifact with this name already exists on the workflow run');
        }
        const contentType = String(message.mime_type ?? message.mimeType ?? 'application/zip');
        const id = ++lastId;
        artifacts.set(name, {
          id,
          name,
          contentType,
          path: join(
            folder,
            runId,
            `${id}-${encodeURIComponent(name)}${contentType === 'application/zip' ? '.zip' : ''}`,
          ),
          size: 0,
          digest: '',
          createdAt: new Date().toISOString(),
          finished: false,
          signature: randomBytes(24).toString('base64url'),
        });
        return { ok: true, signed_upload_url: signedUrl(runId, name) };
      }
      case 'FinalizeArtifact': {
        if (!existing?.digest)
          throw new Refusal(400, `The content of artifact '${name}' has not been uploaded.`);
        if (message.hash && message.hash !== existing.digest) {
          throw new Refusal(
            400,
            `Artifact '${name}' arrived as ${existing.digest}, but ${message.hash} was sent.`,
          );
        }
        existing.finished = true;
        return { ok: true, artifact_id: String(existing.id) };
      }
      case 'ListArtifacts': {
        const nameFilter = message.name_filter ?? message.nameFilter;
        const idFilter = message.id_filter ?? message.idFilter;
        const matching = [...artifacts.values()].filter(
          (artifact) =>
            artifact.finished &&
            (nameFilter == null || artifact.name === nameFilter) &&
            (idFilter == null || String(artifact.id) === String(idFilter)),
        );
        return {
          artifacts: matching.map((artifact) => ({
            workflow_run_backend_id: runId,
            workflow_job_run_backend_id: runId,
            database_id: String(artifact.id),
            name: artifact.name,
            size: String(artifact.size),
            created_at: artifact.createdAt,
            digest: artifact.digest,
          })),
        };
      }
      case 'GetSignedArtifactURL':
        finished();
        return { signed_url: signedUrl(runId, name) };
      case 'DeleteArtifact': {
        const { id } = finished();
        artifacts.delete(name);
        return { ok: true, artifact_id: String(id) };
      }
      default:
        throw new Refusal(404, `The artifact service has no method ${method}.`);
    }
  }

  function signedUrl(runId: string, name: string): string {
    const signature = runs.get(runId)?.get(name)?.signature;
    return `${url}artifacts/${runId}/${encodeURIComponent(name)}?sig=${signature}`;
  }

  async function content(request: IncomingMessage, response: ServerResponse, address: URL): Promise<void> {
    const [, , runId = '', name = ''] = address.pathname.split('/');
    const artifact = runs.get(runId)?.get(decodeURIComponent(name));
    if (!artifact || address.searchParams.get('sig') !== artifact.signature) {
      throw new Refusal(403, 'The signature does not match.');
    }
    if (request.method === 'GET') {
      response.writeHead(200, {
        'content-type': artifact.contentType,
        'content-length': artifact.size,
        'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(artifact.name)}`,
      });
      return await pipeline(createReadStream(artifact.path), response);
    }
    if (request.method !== 'PUT' || artifact.finished) throw new Refusal(409, 'This artifact is finished.');
    await receive(request, artifact, address.searchParams);
    response.writeHead(201, { etag: `"${artifact.id}"`, 'last-modified': new Date().toUTCString() }).end();
  }

  await mkdir(folder, { recursive: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return {
    url,
    token,
    artifacts: (runId) =>
      [...(runs.get(runId)?.values() ?? [])]
        .filter(({ finished }) => finished)
        .map(({ name, path, size, digest, contentType }) => ({ name, path, size, digest, contentType })),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Azure's Put Block, Put Block List and Put Blob: blocks may come in any order, twice, and all at once. */
async function receive(request: IncomingMessage, artifact: Stored, query: URLSearchParams): Promise<void> {
  const blocks = `${artifact.path}.blocks`;
  const blockFile = (id: string) => join(blocks, Buffer.from(id).toString('hex'));
  await mkdir(blocks, { recursive: true });
  switch (query.get('comp')) {
    case 'block':
      return await pipeline(request, createWriteStream(blockFile(query.get('blockid') ?? '')));
    case 'blocklist': {
      const list = (await body(request)).toString();
      const ids = [...list.matchAll(/<(?:Latest|Uncommitted|Committed)>([^<]+)</g)].map(([, id = '']) => id);
      await assemble(ids.map(blockFile), artifact);
      return await rm(blocks, { recursive: true });
    }
    case null:
      await pipeline(request, createWriteStream(blockFile('whole')));
      return await assemble([blockFile('whole')], artifact);
    default:
      throw new Refusal(400, `Blob storage has no operation ${query.get('comp')}.`);
  }
}

async function assemble(files: string[], artifact: Stored): Promise<void> {
  const hash = createHash('sha256');
  async function* chunks() {
    for (const file of files) {
      for await (const chunk of createReadStream(file)) {
        hash.update(chunk as Buffer);
        yield chunk as Buffer;
      }
    }
  }
  await pipeline(chunks, createWriteStream(artifact.path));
  artifact.size = (await stat(artifact.path)).size;
  artifact.digest = `sha256:${hash.digest('hex')}`;
}

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const codes: Record<number, string> = {
  400: 'invalid_argument',
  401: 'unauthenticated',
  403: 'permission_denied',
  404: 'not_found',
  409: 'already_exists',
};

function answer(response: ServerResponse, status: number, message: Message): void {
  // `msg` is what Twirp clients show, `message` what clients of the GitHub API show.
  const text = JSON.stringify(message.msg ? { ...message, message: message.msg } : message);
  response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}

async function body(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
