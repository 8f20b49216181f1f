import { createHash, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  fulcioHandler,
  initializeCA,
  initializeCTLog,
  initializeTLog,
  initializeTSA,
  rekorHandler,
  tsaHandler,
} from '@sigstore/mock';
import type { SigstoreServices } from '../../src/proof/index.ts';

/** A Sigstore of its own, with authority, logs and timestamps, on a free port of this machine. */
export interface LocalSigstore {
  /** With a log, as the public instance is; or with timestamps only, as GitHub's own is. */
  services: { logged: SigstoreServices; stamped: SigstoreServices };
  /** Its trusted root in JSON, for either. */
  roots: { logged: string; stamped: string };
  close(): Promise<void>;
}

/** Starts one; it takes any token at its word. */
export async function startSigstore(): Promise<LocalSigstore> {
  const keys = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // Its timestamps have no zeros before milliseconds, and would be read as other ones or none: its clock stands still,
  // at a time when its own certificates, which are made by the machine's clock, are valid.
  const clock = new Date(Math.floor(Date.now() / 1000) * 1000 + 60_000);
  const [ctlog, tsa] = await Promise.all([initializeCTLog(keys(), clock), initializeTSA(keys(), clock)]);
  const ca = await initializeCA(keys(), ctlog, clock);
  const handlers = new Map<
    string,
    (body: string) => Promise<{ statusCode: number; response: unknown; contentType?: string }>
  >();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const handle = handlers.get(request.url ?? '');
    const answer = await handle?.(Buffer.concat(chunks).toString());
    const type = answer?.contentType ?? 'text/plain';
    response.writeHead(answer?.statusCode ?? 404, { 'content-type': type });
    const body = answer?.response ?? '';
    response.end(typeof body === 'string' ? body : Buffer.from((body as Uint8Array).buffer));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tlog = await initializeTLog(url, keys(), clock);
  const logged: typeof tlog = {
    publicKey: tlog.publicKey,
    log: (proposed) => tlog.log(asLogged(proposed as ProposedEntry)),
    logV2: (proposed) => tlog.logV2(proposed),
  };
  for (const { path, fn } of [fulcioHandler(ca), rekorHandler(logged), tsaHandler(tsa)])
    handlers.set(path, fn);

  const validFor = { start: '2020-01-01T00:00:00Z' };
  const base64 = (bytes: ArrayBufferView) =>
    Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  const authority = (...certificates: ArrayBufferView[]) => ({
    ...{ subject: { organization: 'sigstore.mock', commonName: 'sigstore' }, uri: url, validFor },
    certChain: { certificates: certificates.map((one) => ({ rawBytes: base64(one) })) },
  });
  const log = (publicKey: Buffer, keyId: string) => ({
    ...{ baseUrl: url, hashAlgorithm: 'SHA2_256', logId: { keyId } },
    publicKey: { rawBytes: base64(publicKey), keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
  });
  const tlogId = createHash('sha256').update(tlog.publicKey).digest('base64');
  const root = {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    certificateAuthorities: [authority(ca.rootCertificate)],
    ctlogs: [log(ctlog.publicKey, base64(ctlog.logID))],
    timestampAuthorities: [authority(tsa.intCertificate, tsa.rootCertificate)],
  };
  return {
    services: {
      logged: { fulcioUrl: url, rekorUrl: url },
      stamped: { fulcioUrl: url, tsaUrl: url },
    },
    roots: {
      logged: JSON.stringify({ ...root, tlogs: [log(tlog.publicKey, tlogId)] }),
      stamped: JSON.stringify({ ...root, tlogs: [] }),
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An unsigned OpenID token, which the authority of this Sigstore takes at its word. */
export function identityToken(claims: Record<string, string>): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  return `${part({ alg: 'none', typ: 'JWT' })}.${part({ ...claims, iat: now, exp: now + 300 })}.${part({})}`;
}

interface ProposedEntry {
  apiVersion: string;
  kind: string;
  spec: { proposedContent: { envelope: string; verifiers: [string] } };
}

/** What Rekor keeps of a proposed envelope (github.com/sigstore/rekor, pkg/types/dsse): digests and the signature. */
function asLogged({ apiVersion, kind, spec: { proposedContent } }: ProposedEntry): object {
  const { payload, signatures } = JSON.parse(proposedContent.envelope);
  const digestOf = (bytes: string | Buffer) => ({
    algorithm: 'sha256',
    value: createHash('sha256').update(bytes).digest('hex'),
  });
  const [verifier] = proposedContent.verifiers;
  return {
    ...{ apiVersion, kind },
    spec: {
      envelopeHash: digestOf(proposedContent.envelope),
      payloadHash: digestOf(Buffer.from(payload, 'base64')),
      signatures: [{ signature: signatures[0].sig, verifier }],
    },
  };
}
