import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

/** What goes wrong with one request. Bytes are of its body or, for `cut-answer`, of the answer's. */
export type Fault =
  /** The proxy answers by itself, without reading the body. */
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body?: string }
  /** The connections on both sides break after so many bytes were passed on. */
  | { kind: 'cut-request'; after: number }
  | { kind: 'cut-answer'; after: number }
  /** The registry does it, and nobody hears of it. */
  | { kind: 'lose-answer' }
  /** Nothing is answered, or no more after so many bytes, and the connection stays. */
  | { kind: 'stall'; after?: number }
  | { kind: 'alter'; alter: (answer: { headers: IncomingHttpHeaders; body: Buffer }) => Buffer };

export interface ProxiedRequest {
  method: string;
  /** Path and query. */
  path: string;
  headers: IncomingHttpHeaders;
  /** Of the body that the client sent. */
  bytes: number;
  /** Undefined where the client got no answer. */
  status?: number;
}

/** Stands before a registry, counts what passes, and breaks what it is told to. */
export interface OciProxy {
  /** `127.0.0.1:<port>`, as references name it. */
  host: string;
  requests: ProxiedRequest[];
  /** The next `times` (default 1) requests that match have the fault. */
  inject(fault: Fault, match: (request: ProxiedRequest) => boolean, times?: number): void;
  /** What was injected and has not happened yet does not. */
  clear(): void;
  close(): Promise<void>;
}

interface Injected {
  fault: Fault;
  match: (request: ProxiedRequest) => boolean;
  left: number;
}

/** Starts a proxy before the registry at `host:port`. */
export async function startOciProxy(target: string): Promise<OciProxy> {
  const requests: ProxiedRequest[] = [];
  const injected: Injected[] = [];
  const handle = (incoming: IncomingMessage, answer: ServerResponse) => {
    const { method = '', url: path = '', headers } = incoming;
    const seen: ProxiedRequest = { method, path, headers, bytes: 0 };
    requests.push(seen);
    const found = injected.find(({ match, left }) => left > 0 && match(seen));
    if (found) found.left -= 1;
    // Who announces a body waits for this before sending it.
    if (headers.expect && found?.fault.kind !== 'answer') answer.writeContinue();
    pass(target, incoming, answer, seen, found?.fault);
  };
  const server = createServer(handle).on('checkContinue', handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    inject: (fault, match, times = 1) => injected.push({ fault, match, left: times }),
    clear: () => injected.splice(0),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function pass(
  target: string,
  incoming: IncomingMessage,
  answer: ServerResponse,
  seen: ProxiedRequest,
  fault: Fault | undefined,
): void {
  if (fault?.kind === 'stall' && fault.after === undefined) return;
  if (fault?.kind === 'answer') {
    seen.status = fault.status;
    answer.writeHead(fault.status, { connection: 'close', ...fault.headers }).end(fault.body);
    return;
  }
  const { method, url: path } = incoming;
  const { expect, ...headers } = incoming.headers;
  const [host, port] = target.split(':');
  const outgoing = request({ host, port, method, path, headers, agent: false });
  const cut = () => {
    outgoing.destroy();
    incoming.socket.destroy();
  };
  outgoing.on('error', cut);
  outgoing.once('response', (upstream) => giveBack(upstream, answer, seen, fault, cut));
  incoming.once('error', () => outgoing.destroy());
  const limit = fault?.kind === 'cut-request' ? fault.after : Number.POSITIVE_INFINITY;
  incoming.on('data', (chunk: Buffer) => {
    const left = limit - seen.bytes;
    seen.bytes += chunk.length;
    // The registry has to have received what counts as passed on.
    if (chunk.length >= left) return outgoing.write(chunk.subarray(0, left), () => setImmediate(cut));
    if (outgoing.write(chunk)) return;
    incoming.pause();
    outgoing.once('drain', () => incoming.resume());
  });
  incoming.once('end', () => outgoing.end());
}

function giveBack(
  upstream: IncomingMessage,
  answer: ServerResponse,
  seen: ProxiedRequest,
  fault: Fault | undefined,
  cut: () => void,
): void {
  const status = upstream.statusCode ?? 0;
  if (fault?.kind === 'lose-answer') {
    upstream.resume().once('end', cut);
    return;
  }
  seen.status = status;
  if (fault?.kind === 'alter') {
    const chunks: Buffer[] = [];
    upstream.on('data', (chunk: Buffer) => chunks.push(chunk));
    upstream.once('end', () => {
      const headers = { ...upstream.headers };
      const body = fault.alter({ headers, body: Buffer.concat(chunks) });
      const isHead = seen.method === 'HEAD';
      answer
        .writeHead(status, isHead ? headers : { ...headers, 'content-length': String(body.length) })
        .end(body);
    });
    return;
  }
  answer.writeHead(status, upstream.headers);
  upstream.once('error', cut);
  if (fault?.kind !== 'cut-answer' && fault?.kind !== 'stall') {
    upstream.pipe(answer);
    return;
  }
  const { kind, after = 0 } = fault;
  let passed = 0;
  upstream.once('end', () => passed < after && answer.end());
  upstream.on('data', (chunk: Buffer) => {
    const left = after - passed;
    passed += chunk.length;
    if (chunk.length < left) answer.write(chunk);
    else if (left > 0)
      answer.write(chunk.subarray(0, left), () => kind === 'cut-answer' && setImmediate(cut));
  });
}
