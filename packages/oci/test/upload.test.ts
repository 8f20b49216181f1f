import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { bytesSource, digestOf, pushBlob, Registry } from '../src/index.ts';
import { serve } from './server.ts';

const size = 5 * 1024 * 1024;
const content = Buffer.alloc(size);
for (let i = 0; i < size; i += 4) content.writeUInt32LE(Math.imul(i, 2_654_435_761) >>> 0, i);
const blob = { digest: digestOf(content), size };

const least = 1024 * 1024;

/**
 * An upload as the specification has it, which keeps what arrived of a request that was cut; no registry that is easily
 * had does. Each PATCH is cut after so many bytes, as long as there are `cuts`.
 */
async function keepingRegistry(cuts: number[], expected?: Parameters<typeof serve>[1]) {
  let kept = Buffer.alloc(0);
  let isStored = false;
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const location = `${request.url?.split('?')[0]}`;
    const range = `0-${Math.max(0, kept.length - 1)}`;
    if (request.method === 'HEAD')
      return response.writeHead(isStored ? 200 : 404, { 'content-length': isStored ? size : 0 }).end();
    if (request.method === 'POST')
      return response.writeHead(202, { location: `${location}1`, 'oci-chunk-min-length': least }).end();
    if (request.method === 'GET') return response.writeHead(204, { location, range }).end();
    if (request.method === 'PUT') {
      isStored = `sha256:${createHash('sha256').update(kept).digest('hex')}` === blob.digest;
      return response.writeHead(isStored ? 201 : 400).end();
    }
    const start = Number(request.headers['content-range']?.split('-')[0]);
    if (start !== kept.length) return response.writeHead(416).end();
    let left = cuts.shift() ?? Number.POSITIVE_INFINITY;
    request.on('data', (chunk: Buffer) => {
      kept = Buffer.concat([kept, chunk.subarray(0, left)]);
      left -= chunk.length;
      if (left <= 0) request.destroy();
    });
    return request.once('end', () =>
      response.writeHead(202, { location, range: `0-${kept.length - 1}` }).end(),
    );
  };
  return serve(answer, expected);
}

it('goes on from what the registry kept, wherever the connection is cut', async () => {
  const cut = fc.integer({ min: 2, max: size });
  await fc.assert(
    fc.asyncProperty(
      fc.array(cut, { maxLength: 4 }),
      fc.integer({ min: 1024 * 1024, max: size }),
      async (cuts, chunkBytes) => {
        const server = await keepingRegistry([...cuts]);
        try {
          const repository = new Registry(server.host, {
            credentials: async () => undefined,
            pauseMs: 0,
          }).repository('a');
          const pushed = await pushBlob(repository, blob, bytesSource(content), { chunkBytes });
          expect(pushed.how).toBe('uploaded');
          expect(server.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
        } finally {
          await server.close();
        }
      },
    ),
    { numRuns: 25 },
  );
});

it('sends chunks of at least what the registry wants', async () => {
  const server = await keepingRegistry([]);
  const options = { credentials: async () => undefined, pauseMs: 0 };
  await pushBlob(new Registry(server.host, options).repository('a'), blob, bytesSource(content), {
    chunkBytes: 1,
  });
  const ranges = server.seen.flatMap(({ headers }) => headers['content-range'] ?? []);
  expect(ranges).toEqual([0, 1, 2, 3, 4].map((i) => `${i * least}-${(i + 1) * least - 1}`));
  await server.close();
});

it.each([
  [
    'refuse announcements of bodies',
    (_: IncomingMessage, response: ServerResponse) => response.writeHead(417).end(),
  ],
  ['do not answer to them', () => undefined],
])('sends large bodies also to servers that %s', async (_, expected) => {
  const server = await keepingRegistry([], expected);
  const repository = new Registry(server.host, { credentials: async () => undefined }).repository('a');
  expect(await pushBlob(repository, blob, bytesSource(content))).toMatchObject({ how: 'uploaded' });
  await server.close();
});

it('gives up when nothing gets across several times in a row, and names the registry', async () => {
  const server = await keepingRegistry([0, 0, 0, 0, 0, 0]);
  const repository = new Registry(server.host, {
    credentials: async () => undefined,
    pauseMs: 0,
    attempts: 3,
  }).repository('a');
  await expect(pushBlob(repository, blob, bytesSource(content))).rejects.toMatchObject({
    name: 'UserError',
    message: expect.stringContaining(`the connection to ${server.host} failed`),
  });
  expect(server.seen.filter(({ method }) => method === 'PATCH')).toHaveLength(3);
  await server.close();
});
