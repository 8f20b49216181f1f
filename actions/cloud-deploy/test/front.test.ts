import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { waitFor } from '@mlops/core';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Front, runningFronts, startFront } from '../src/targets/host/front.ts';

let folder: string;
let front: Front;
const servers: Server[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'front-'));
  await live(null);
  front = await startFront(folder, '127.0.0.1', 0);
});

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  for (const running of await runningFronts(folder)) await running.stop();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

async function live(instance: { revision: string; port: number } | null): Promise<void> {
  await writeFile(join(folder, 'state.json'), JSON.stringify({ live: instance }));
}

async function upstream(
  revision: string,
  listener: RequestListener,
): Promise<{ port: number; server: Server }> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await live({ revision, port });
  await front.reload();
  return { port, server };
}

function ask(path: string, options: object = {}, body?: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request(`${front.url}${path}`, { agent: false, ...options }, resolve)
      .on('error', reject)
      .end(body);
  });
}

it('answers 503 while no release is live, 502 when the live one does not answer', async () => {
  const none = await ask('/');
  expect([none.statusCode, none.headers['retry-after'], await text(none)]).toEqual([
    503,
    '5',
    '{"error":"no release is live"}\n',
  ]);
  const { server } = await upstream('r1', () => {});
  await new Promise((resolve) => server.close(resolve));
  const gone = await ask('/');
  expect(gone.statusCode).toBe(502);
  expect(await text(gone)).toMatch(/the release r1 did not answer: .*ECONNREFUSED/);
});

it('passes on method, path, body, headers and status as they are, but not what concerns one connection', async () => {
  await upstream('r1', async (incoming, outgoing) => {
    const seen = {
      method: incoming.method,
      url: incoming.url,
      headers: incoming.headers,
      body: await text(incoming),
    };
    outgoing.writeHead(418, 'Short And Stout', [
      ...['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Answer', 'yes', 'X-MLOps-Revision', 'forged'],
      ...['Connection', 'X-Hop', 'X-Hop', '1'],
    ]);
    outgoing.end(JSON.stringify(seen));
  });
  const headers = {
    connection: 'close, X-Secret',
    'x-secret': '1',
    'x-kept': '2',
    host: 'model.example',
    te: 'gzip',
  };
  const answer = await ask(
    '/p%20a?q=1&q=2',
    { method: 'PATCH', headers: { ...headers, 'x-forwarded-for': '10.0.0.1' } },
    'ä',
  );
  expect([answer.statusCode, answer.statusMessage]).toEqual([418, 'Short And Stout']);
  expect(answer.headers).toMatchObject({
    'set-cookie': ['a=1', 'b=2'],
    'x-answer': 'yes',
    'x-mlops-revision': 'r1',
  });
  expect(answer.headers).not.toHaveProperty('x-hop');
  const seen = JSON.parse(await text(answer));
  expect(seen).toMatchObject({ method: 'PATCH', url: '/p%20a?q=1&q=2', body: 'ä' });
  expect(seen.headers).toMatchObject({
    host: 'model.example',
    'x-kept': '2',
    'x-forwarded-for': '10.0.0.1, 127.0.0.1',
    'x-forwarded-proto': 'http',
  });
  expect(seen.headers).not.toHaveProperty('x-secret');
  expect(seen.headers).not.toHaveProperty('te');
});

it.each(['GET', 'POST', 'DELETE'])(
  'frames the body of a %s without a length, so that none is smuggled',
  async (method) => {
    const paths: (string | undefined)[] = [];
    await upstream('r1', async (incoming, outgoing) => {
      paths.push(incoming.url);
      outgoing.end(await text(incoming));
    });
    const body = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
    const answer = await ask('/a', { method, headers: { 'transfer-encoding': 'chunked' } }, body);
    expect(await text(answer)).toBe(body);
    expect(await text(await ask('/b'))).toBe('');
    expect(paths).toEqual(['/a', '/b']);
  },
);

it('passes on an answer as it comes, and tells the release when the client has gone', async () => {
  let gone = false;
  await upstream('r1', (_, outgoing) => {
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
    outgoing.write('data: 1\n\n');
    outgoing.on('close', () => {
      gone = true;
    });
  });
  const answer = await ask('/events');
  const [first] = await new Promise<[Buffer]>((resolve) => answer.once('data', (chunk) => resolve([chunk])));
  expect(first.toString()).toBe('data: 1\n\n');
  answer.destroy();
  await until(() => gone, 'the end of the stream');
});

it('lets a client that is still sending have the answer that there is none', async () => {
  const { server } = await upstream('r1', () => {});
  await new Promise((resolve) => server.close(resolve));
  const answer = await ask('/', { method: 'POST' }, 'x'.repeat(4 * 1024 * 1024));
  expect(answer.statusCode).toBe(502);
});

it('cuts the connection when a release dies in the middle of an answer, so that half is not taken for all', async () => {
  await upstream('r1', (incoming, outgoing) => {
    outgoing.write('half');
    setImmediate(() => incoming.socket.destroy());
  });
  await expect(ask('/').then(text)).rejects.toThrow();
  expect((await ask('/').catch(() => undefined))?.statusCode ?? 200).toBe(200);
});

it('counts what is under way on each release, and sends what comes later to the new one', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const old = await upstream('old', async (_, outgoing) => {
    await released;
    outgoing.end('old');
  });
  const slow = ask('/');
  await until(async () => (await front.underWay(old.port)) === 1, 'the request at the old release');
  await upstream('new', (_, outgoing) => void outgoing.end('new'));
  expect(await text(await ask('/'))).toBe('new');
  expect(await front.underWay(old.port)).toBe(1);
  release();
  expect(await text(await slow)).toBe('old');
  await until(async () => (await front.underWay(old.port)) === 0, 'the end of the request');
});

it('passes on what another protocol says after an upgrade, in both directions', async () => {
  const { server, port } = await upstream('r1', () => {});
  server.on('upgrade', (incoming, socket) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${incoming.headers.upgrade}\r\n\r\nhello `,
    );
    socket.on('data', (chunk: Buffer) => socket.write(chunk.toString().toUpperCase()));
    socket.on('end', () => socket.end());
  });
  const client = connect(front.port, '127.0.0.1');
  let heard = '';
  client.on('data', (chunk) => {
    heard += chunk;
  });
  client.write('GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  await until(() => heard.endsWith('hello '), 'the handshake');
  expect(heard).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n[\s\S]*Upgrade: echo\r\n/);
  expect(await front.underWay(port)).toBe(1);
  client.write('world');
  await until(() => heard.endsWith('hello WORLD'), 'the echo');
  client.destroy();
  await until(async () => (await front.underWay(port)) === 0, 'the end of the connection');
});

it('obeys only who knows its token, and keeps that to the owner', async () => {
  const file = join(folder, `front-${front.port}.json`);
  const { controlPort } = JSON.parse(await readFile(file, 'utf8'));
  if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);
  for (const authorization of ['Bearer x', '']) {
    const answer = await new Promise<IncomingMessage>((resolve) =>
      request({ port: controlPort, path: '/stop', headers: { authorization } }, resolve).end(),
    );
    expect(answer.statusCode).toBe(403);
  }
  expect((await runningFronts(folder)).map(({ port }) => port)).toEqual([front.port]);
});

it('answers what is under way before it stops', async () => {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { port } = await upstream('r1', async (_, outgoing) => {
    await released;
    outgoing.end('done');
  });
  const slow = ask('/');
  await until(async () => (await front.underWay(port)) === 1, 'the request');
  const stopped = front.stop();
  await until(() => !existsSync(join(folder, `front-${front.port}.json`)), 'the order to stop');
  await expect(ask('/')).rejects.toThrow('ECONNREFUSED');
  release();
  expect(await text(await slow)).toBe('done');
  await stopped;
  expect(await runningFronts(folder)).toEqual([]);
});

it('starts a log anew that has grown too large, and keeps the older part', async () => {
  const log = join(folder, 'front.log');
  await writeFile(log, 'x'.repeat(11 * 1024 * 1024));
  await front.reload();
  expect((await stat(log)).size).toBe(0);
  expect((await stat(`${log}.1`)).size).toBe(11 * 1024 * 1024);
});

async function until(condition: () => Promise<boolean> | boolean, what: string): Promise<void> {
  await waitFor(async () => ((await condition()) ? true : undefined), {
    what,
    deadlineMs: 10_000,
    everyMs: 20,
  });
}
