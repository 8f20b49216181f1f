import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { compare, runSmoke, smokeSchema } from '../src/smoke.ts';

describe('compare', () => {
  it('finds every JSON value in itself', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(compare(value, value, 'json')).toEqual([]);
      }),
    );
  });

  it('ignores keys that were not expected, at any depth', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (expected, extra) => {
        const actual = { outer: { ...expected, 'an extra key': extra } };
        const { 'an extra key': _, ...rest } = expected;
        expect(compare({ outer: rest }, actual, 'json')).toEqual([]);
      }),
    );
  });

  it('finds a difference between values that are not the same JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.array(fc.integer()), (a, b) => {
        expect(compare(a, b, 'json').length > 0).toBe(JSON.stringify(a) !== JSON.stringify(b));
      }),
    );
  });

  it.each([
    [{ label: 'a' }, { label: 'b' }, 'json.label: expected "a", got "b"'],
    [{ a: { b: 1 } }, { a: {} }, 'json.a.b: expected 1, got nothing'],
    [[1, 2], [1], 'json: expected 2 items, got 1'],
    [{ a: [{ b: 1 }] }, { a: [{ b: '1' }] }, 'json.a[0].b: expected 1, got "1"'],
    [{ a: null }, { a: {} }, 'json.a: expected null, got {}'],
    [{}, [], 'json: expected {}, got []'],
    [{ toString: 1 }, {}, 'json.toString: expected 1, got nothing'],
  ])('says where %j is not in %j', (expected, actual, message) => {
    expect(compare(expected, actual, 'json')).toEqual([message]);
  });
});

describe('smokeSchema', () => {
  it.each([
    [{ path: 'predict' }],
    [{ path: '/p', json: {}, body: 'x' }],
    [{ path: '/p', expects: {} }],
    [{ path: '/p', expect: { status: 20 } }],
    [{ path: '/p', method: 'post' }],
  ])('refuses %j', (request) => expect(smokeSchema.safeParse([request]).success).toBe(false));
});

describe('runSmoke', () => {
  const servers: ReturnType<typeof createServer>[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function echo(): Promise<string> {
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      if (request.url === '/text') return response.end('plain');
      if (request.url === '/broken') return request.socket.destroy();
      const { method, url, headers } = request;
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify({ method, url, headers, body }));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('sends JSON as a POST with its type, text as it stands, and nothing as a GET', async () => {
    const results = await runSmoke(
      await echo(),
      [
        {
          path: '/a?b=c',
          json: { x: 1 },
          headers: { 'x-key': 'k' },
          expect: {
            json: {
              method: 'POST',
              url: '/a?b=c',
              body: '{"x":1}',
              headers: { 'content-type': 'application/json', 'x-key': 'k' },
            },
          },
        },
        { path: '/a', method: 'PUT', body: 'ä', expect: { json: { method: 'PUT', body: 'ä' } } },
        { path: '/a', expect: { status: 200, json: { method: 'GET', body: '' } } },
      ],
      new AbortController().signal,
    );
    expect(results.map(({ differences }) => differences)).toEqual([[], [], []]);
    expect(results.map(({ request }) => request)).toEqual(['POST /a?b=c', 'PUT /a', 'GET /a']);
  });

  it('judges every request, whatever became of those before', async () => {
    const results = await runSmoke(
      await echo(),
      [
        { path: '/broken' },
        { path: '/text', expect: { json: { a: 1 } } },
        { path: '/a', expect: { status: 422, 'max-ms': 0.0001 } },
        { path: '/a' },
      ],
      new AbortController().signal,
    );
    expect(results.map(({ passed }) => passed)).toEqual([false, false, false, true]);
    expect(results[0]).toMatchObject({ status: null, differences: [expect.stringMatching(/^no answer: /)] });
    expect(results[1]?.differences).toEqual(["json: expected JSON, got 'plain'"]);
    expect(results[2]?.differences).toEqual([
      'status: expected 422, got 200',
      expect.stringMatching(/^duration: expected at most 0.0001 ms, got \d+ ms$/),
    ]);
  });
});
