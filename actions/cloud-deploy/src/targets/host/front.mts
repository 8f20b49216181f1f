/**
 * The front of a deployment: a reverse proxy that listens on the stable port, as a process of its own that outlives
 * the job. It forwards each request to the release that is live when the request arrives, and counts what is under
 * way on each release, so that the old one is stopped only when it has answered everything.
 *
 * This one file is copied into the deployment's folder and run from there, hence it imports nothing but Node.
 * Arguments: the deployment's folder, address and port (0: any). Told by its parent's IPC channel: the port, or why not.
 */
import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { pipeline } from 'node:stream';

interface Live {
  revision: string;
  port: number;
}

interface State {
  live: Live | null;
}

const [folder = '.', host = '127.0.0.1', wantedPort = '0'] = process.argv.slice(2);

let live: Live | null = null;
/** Requests under way on each port of a release. */
const underWay = new Map<number, number>();

// Idle connections are given up before any server would close them, so that no request meets a closing connection.
const agent = new Agent({ keepAlive: true, timeout: 1000 });

function readState(): void {
  live = (JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8')) as State).live;
}

function count(port: number): () => void {
  underWay.set(port, (underWay.get(port) ?? 0) + 1);
  return () => {
    const left = (underWay.get(port) ?? 1) - 1;
    if (left > 0) underWay.set(port, left);
    else underWay.delete(port);
  };
}

const front = createServer({ keepAliveTimeout: 75_000 }, (incoming, outgoing) => {
  if (!live) return answer(outgoing, 503, 'no release is live', { 'retry-after': '5' });
  const { port, revision } = live;
  outgoing.on('close', count(port));
  const forwarded = request({ ...forwardTo(port, incoming), agent }, (response) => {
    outgoing.writeHead(response.statusCode ?? 502, response.statusMessage, [
      ...endToEnd(response, ['transfer-encoding', revisionHeader]),
      revisionHeader,
      revision,
    ]);
    outgoing.flushHeaders();
    pipeline(response, outgoing, () => {});
  });
  forwarded.on('error', (error) => {
    // After the head of an answer, its own stream tells whether it is complete.
    if (outgoing.headersSent) return;
    const refuse = () => answer(outgoing, 502, `the release ${revision} did not answer: ${error.message}`);
    // A client that is still sending would not see an answer on a connection that is closed under it.
    if (incoming.complete) refuse();
    else incoming.on('end', refuse).resume();
  });
  outgoing.on('close', () => forwarded.destroy());
  // Not a pipeline, which would cut the client off when the release fails, instead of letting it have the answer.
  incoming.pipe(forwarded);
});

/** WebSockets and the like: after the handshake the bytes of both sides are passed on as they come. */
front.on('upgrade', (incoming: IncomingMessage, client: Socket, first: Buffer) => {
  client.on('error', () => client.destroy());
  if (!live) return client.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n');
  const { port } = live;
  client.on('close', count(port));
  const protocol = incoming.headers.upgrade ?? '';
  const { headers, ...where } = forwardTo(port, incoming);
  const forwarded = request({
    ...where,
    headers: [...headers, 'connection', 'upgrade', 'upgrade', protocol],
    agent: false,
  });
  forwarded.on('upgrade', (response, server: Socket, early: Buffer) => {
    client.write(head(response));
    client.write(early);
    server.write(first);
    server.on('error', () => server.destroy());
    server.on('close', () => client.destroy());
    client.on('close', () => server.destroy());
    server.pipe(client).pipe(server);
  });
  forwarded.on('response', (response) => {
    client.write(head(response));
    pipeline(response, client, () => {});
  });
  forwarded.on('error', () => client.end('HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n'));
  client.on('close', () => forwarded.destroy());
  forwarded.end();
});

function forwardTo(port: number, incoming: IncomingMessage) {
  const from = incoming.socket.remoteAddress ?? '';
  const before = incoming.headers['x-forwarded-for'];
  const headers = [
    ...endToEnd(incoming, ['expect', 'x-forwarded-for', 'x-forwarded-proto']),
    'x-forwarded-for',
    before ? `${before}, ${from}` : from,
    'x-forwarded-proto',
    'http',
  ];
  return { host: '127.0.0.1', port, method: incoming.method, path: incoming.url, headers };
}

const revisionHeader = 'x-mlops-revision';

/** Headers that concern one connection only: RFC 9110, section 7.6.1. Transfer-Encoding is kept: a body needs it. */
const hopByHop = new Set(
  'connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer upgrade'.split(
    ' ',
  ),
);

/** The headers to pass on, names and values in turn, as they were written. */
function endToEnd(message: IncomingMessage, without: string[]): string[] {
  const named = (message.headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const left = new Set([...hopByHop, ...named, ...without]);
  const kept: string[] = [];
  for (let i = 0; i + 1 < message.rawHeaders.length; i += 2) {
    const [name = '', value = ''] = message.rawHeaders.slice(i, i + 2);
    if (!left.has(name.toLowerCase())) kept.push(name, value);
  }
  return kept;
}

function head(response: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${response.statusCode} ${response.statusMessage}`];
  for (let i = 0; i < response.rawHeaders.length; i += 2)
    lines.push(`${response.rawHeaders[i]}: ${response.rawHeaders[i + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function answer(
  outgoing: ServerResponse,
  status: number,
  error: string,
  headers: Record<string, string> = {},
): void {
  outgoing.writeHead(status, { 'content-type': 'application/json', ...headers });
  outgoing.end(`${JSON.stringify({ error })}\n`);
}

/** How a deployment talks to its front: on a loopback port, with a token that only the owner of the folder can read. */
const token = randomBytes(32).toString('hex');
const control = createServer((incoming, outgoing) => {
  if (incoming.headers.authorization !== `Bearer ${token}`) return answer(outgoing, 403, 'forbidden');
  const commands: Record<string, () => void> = {
    '/reload': reload,
    '/status': () => {},
    '/stop': () => outgoing.on('close', stop),
  };
  const run = commands[incoming.url ?? ''];
  if (!run) return answer(outgoing, 404, 'unknown command');
  try {
    run();
  } catch (error) {
    return answer(outgoing, 500, String(error));
  }
  outgoing.writeHead(200, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify({ pid: process.pid, live, underWay: Object.fromEntries(underWay) }));
});

/** No new connection; what is under way is finished; then the process ends. */
function stop(): void {
  rmSync(ownFile, { force: true });
  front.close(() => process.exit(0));
  // Connections that clients would keep open are closed once they have their answer.
  setInterval(() => front.closeIdleConnections(), 100);
  setTimeout(() => process.exit(0), stopLimitMs).unref();
}

const stopLimitMs = 30_000;
let ownFile = '';

function reload(): void {
  readState();
  rotateLogs();
}

const logLimit = 10 * 1024 * 1024;

/** Logs that have grown too large are started anew, with one older part kept. Their writers append, so they follow. */
function rotateLogs(): void {
  const logs = [join(folder, 'front.log')];
  if (live) logs.push(join(folder, 'releases', live.revision, 'serve.log'));
  for (const log of logs) {
    if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) <= logLimit) continue;
    try {
      copyFileSync(log, `${log}.1`);
      truncateSync(log);
    } catch (error) {
      console.error(`${log} cannot be rotated: ${error}`);
    }
  }
}

// One bad exchange must not take everybody's connection down.
process.on('uncaughtException', (error) => console.error(new Date().toISOString(), error));

front.on('error', (error: NodeJS.ErrnoException) => {
  process.send?.({ error: error.code === 'EADDRINUSE' ? 'in-use' : error.message });
  process.disconnect?.();
  process.exitCode = 1;
  control.close();
});

readState();
control.listen(0, '127.0.0.1', () => {
  front.listen(Number(wantedPort), host, () => {
    const { port } = front.address() as AddressInfo;
    const controlPort = (control.address() as AddressInfo).port;
    ownFile = join(folder, `front-${port}.json`);
    const about = { schema: 1, pid: process.pid, host, port, controlPort, token };
    writeFileSync(`${ownFile}.new`, JSON.stringify(about), { mode: 0o600 });
    renameSync(`${ownFile}.new`, ownFile);
    setInterval(rotateLogs, 60_000);
    process.send?.({ port });
  });
});
