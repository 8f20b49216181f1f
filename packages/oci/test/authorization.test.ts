import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import {
  bytesSource,
  type Credentials,
  digestOf,
  getManifest,
  hasBlob,
  listTags,
  pushBlob,
  Registry,
} from '../src/index.ts';
import { type Server, serve } from './server.ts';

const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});
async function started(handle: Parameters<typeof serve>[0]): Promise<Server> {
  const server = await serve(handle);
  servers.push(server);
  return server;
}

const user: Credentials = { username: 'ada', password: 's3cret' };
const basic = `Basic ${Buffer.from('ada:s3cret').toString('base64')}`;
const open = (server: Server, credentials: Credentials | (() => Promise<undefined>) = user) =>
  new Registry(server.host, { credentials, pauseMs: 1 });

/** A registry that gives its tags for a token of the token server that it names. */
async function withTokens(tokenAnswer: (request: IncomingMessage, count: number) => object | number) {
  let count = 0;
  const tokens = await started((request, response) => {
    count += 1;
    const answer = tokenAnswer(request, count);
    if (typeof answer === 'number') return response.writeHead(answer).end('no token for s3cret');
    return response.end(JSON.stringify(answer));
  });
  const registry = await started((request, response) => {
    if (request.headers.authorization?.startsWith('Bearer good')) return tags(response);
    const challenge = `Bearer realm="http://${tokens.host}/token",service="test",scope="repository:x:pull"`;
    return response.writeHead(401, { 'www-authenticate': challenge }).end();
  });
  return { tokens, registry };
}
const tags = (response: ServerResponse) => response.end('{"tags":["v1"]}');

describe('tokens', () => {
  it('asks once for many requests at a time, with the scope that is needed, and again for another scope', async () => {
    const { tokens, registry } = await withTokens(() => ({ token: 'good', expires_in: 300 }));
    const client = open(registry);
    await Promise.all([1, 2, 3].map(() => listTags(client.repository('a'))));
    expect(await listTags(client.repository('a'))).toEqual(['v1']);
    await listTags(client.repository('b'));
    expect(tokens.seen.map(({ path }) => path)).toEqual([
      '/token?service=test&scope=repository%3Aa%3Apull',
      '/token?service=test&scope=repository%3Ab%3Apull',
    ]);
    expect(tokens.seen[0]?.headers.authorization).toBe(basic);
    expect(registry.seen.every(({ headers }) => !headers.authorization?.startsWith('Basic'))).toBe(true);
  });

  it('asks again for a token that has expired or is refused, and gives up on the second', async () => {
    const { tokens, registry } = await withTokens((_, count) => ({
      access_token: count < 3 ? `good${count}` : 'bad',
      expires_in: 0,
    }));
    const client = open(registry).repository('a');
    await listTags(client);
    await listTags(client);
    expect(tokens.seen).toHaveLength(2);
    await expect(listTags(client)).rejects.toMatchObject({
      name: 'UserError',
      status: 401,
      advice: expect.stringContaining('not accepted'),
    });
    expect(tokens.seen.length).toBeLessThanOrEqual(4);
  });

  it('exchanges an identity token by POST, never in an address', async () => {
    const { tokens, registry } = await withTokens(() => ({ token: 'good' }));
    await listTags(open(registry, { identityToken: 'refresh' }).repository('a'));
    expect(tokens.seen).toMatchObject([{ method: 'POST', path: '/token' }]);
    expect(tokens.seen[0]?.headers.authorization).toBeUndefined();
  });

  it('is anonymous without credentials', async () => {
    const { tokens, registry } = await withTokens(() => ({ token: 'good' }));
    await listTags(open(registry, async () => undefined).repository('a'));
    expect(tokens.seen[0]?.headers.authorization).toBeUndefined();
  });

  it('says what a token server refuses, without the password that it repeats', async () => {
    const { registry } = await withTokens(() => 403);
    const error = await listTags(open(registry).repository('org/model')).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ status: 403, advice: expect.stringContaining('right to pull from') });
    expect(String(error)).toMatch(
      /getting a token for listing the tags failed: .*org\/model answered 403: no token for \*\*\*/,
    );
  });

  it('does not ask a token server that is no address, or reached in the clear over a network', async () => {
    const registry = await started((_, response) =>
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="token"' }).end(),
    );
    await expect(listTags(open(registry).repository('a'))).rejects.toThrow(
      /names a token server that is not asked: 'token'/,
    );
    const other = await started((_, response) =>
      response.writeHead(401, { 'www-authenticate': 'Bearer realm="http://tokens.invalid/"' }).end(),
    );
    await expect(listTags(open(other).repository('a'))).rejects.toThrow(
      /names a token server that is not asked: 'http:\/\/tokens.invalid\/'/,
    );
  });
});

describe('basic authentication', () => {
  it('is sent after the challenge only, and then at once', async () => {
    const registry = await started((request, response) =>
      request.headers.authorization === basic
        ? tags(response)
        : response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    );
    const client = open(registry);
    await listTags(client.repository('a'));
    await listTags(client.repository('b'));
    expect(registry.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, basic, basic]);
  });

  it('says who has to log in', async () => {
    const registry = await started((_, response) =>
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    );
    await expect(listTags(open(registry, async () => undefined).repository('a'))).rejects.toMatchObject({
      advice: expect.stringContaining('Log in'),
    });
    expect(registry.seen).toHaveLength(1);
  });
});

describe('other hosts', () => {
  const content = Buffer.from('bytes of a blob');
  const blob = { digest: digestOf(content), size: content.length };

  it('get no credentials from redirects and uploads that lead to them', async () => {
    const storage = await started((request, response) => {
      if (request.method === 'HEAD')
        return response.writeHead(200, { 'content-length': content.length }).end();
      return request.resume().once('end', () => response.writeHead(201).end());
    });
    const registry = await started((request, response) => {
      if (request.headers.authorization !== basic)
        return response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      const location = `http://${storage.host}/elsewhere?a=%20b`;
      if (request.method === 'POST') return response.writeHead(202, { location }).end();
      return response.writeHead(request.url?.startsWith('/v2/moved') ? 307 : 404, { location }).end();
    });
    const client = open(registry);
    expect(await hasBlob(client.repository('moved'), blob)).toBe(true);
    await pushBlob(client.repository('new'), blob, bytesSource(content));
    expect(storage.seen.map(({ method }) => method)).toEqual(['HEAD', 'PUT']);
    expect(storage.seen[1]?.path).toBe(`/elsewhere?a=%20b&digest=${encodeURIComponent(blob.digest)}`);
    for (const { headers } of storage.seen) expect(headers.authorization).toBeUndefined();
  });

  it('cannot ask for credentials by a challenge of their own', async () => {
    const other = await started((_, response) =>
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    );
    const registry = await started((_, response) =>
      response.writeHead(302, { location: `http://${other.host}/` }).end(),
    );
    await expect(getManifest(open(registry).repository('a'), 'v1')).rejects.toMatchObject({ status: 401 });
    expect(other.seen).toHaveLength(1);
    expect(other.seen[0]?.headers.authorization).toBeUndefined();
  });

  it('are not followed into the clear', async () => {
    const registry = await started((_, response) =>
      response.writeHead(307, { location: 'http://storage.invalid/' }).end(),
    );
    await expect(hasBlob(open(registry).repository('a'), blob)).rejects.toThrow(
      /leads to http:\/\/storage.invalid, which is not safe/,
    );
  });

  it('are not followed for ever', async () => {
    const registry = await started((request, response) =>
      response.writeHead(302, { location: `${request.url}/a` }).end(),
    );
    await expect(getManifest(open(registry).repository('a'), 'v1')).rejects.toThrow(
      /redirects more than 5 times/,
    );
    const pages = await started((request, response) =>
      response.writeHead(200, { link: `<http://127.0.0.1:1${request.url}>; rel="next"` }).end('{"tags":[]}'),
    );
    await expect(listTags(open(pages).repository('a'))).rejects.toThrow(
      /leads on to another host, 127.0.0.1:1/,
    );
  });
});
