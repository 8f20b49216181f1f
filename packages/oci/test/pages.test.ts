import { afterEach, expect, it } from 'vitest';
import { listReferrers, listTags, Registry } from '../src/index.ts';
import { type Server, serve } from './server.ts';

let server: Server;
afterEach(() => server.close());
const open = () =>
  new Registry(server.host, { credentials: async () => undefined, pauseMs: 0 }).repository('a');

it('reads tags page by page, wherever the next page is said to be', async () => {
  const all = ['v1', 'v2', 'v3', 'v4', 'v5'];
  server = await serve((request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    const from = all.indexOf(query.get('last') ?? '') + 1;
    const tags = all.slice(from, from + Number(query.get('n')));
    const next = `/v2/a/tags/list?n=2&last=${tags.at(-1)}`;
    const link = from === 0 ? `<${next}>; rel="next"` : `<http://${server.host}${next}>;rel=next`;
    response.writeHead(200, tags.at(-1) === 'v5' ? {} : { link }).end(JSON.stringify({ name: 'a', tags }));
  });
  expect(await listTags(open(), { pageSize: 2 })).toEqual(all);
  expect(server.seen).toHaveLength(3);
});

it('takes null for no tags, and nothing else for a list', async () => {
  let body = '{"tags":null}';
  server = await serve((_, response) => response.end(body));
  expect(await listTags(open())).toEqual([]);
  for (body of ['{}', '<html>', '{"tags":"v1"}'])
    await expect(listTags(open())).rejects.toMatchObject({ name: 'UserError' });
});

it('does not take the page of a proxy for referrers, and filters what the registry did not', async () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const one = (artifactType: string) => ({ mediaType: 'm', digest, size: 1, artifactType });
  let type = 'text/html';
  server = await serve((request, response) => {
    if (!request.url?.includes('/referrers/')) return response.writeHead(404).end();
    return response
      .writeHead(200, { 'content-type': type })
      .end(JSON.stringify({ schemaVersion: 2, manifests: [one('sbom'), one('signature')] }));
  });
  expect(await listReferrers(open(), digest)).toEqual([]);
  type = 'application/vnd.oci.image.index.v1+json';
  expect(await listReferrers(open(), digest)).toHaveLength(2);
  expect(await listReferrers(open(), digest, { artifactType: 'sbom' })).toEqual([one('sbom')]);
});
