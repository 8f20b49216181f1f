import LinkHeader from 'http-link-header';
import { ProtocolError } from './errors.ts';
import { type Answer, nameOf, type Repository, request } from './registry.ts';

const maxPages = 10_000;

/** An answer and those it leads on to by `Link: <…>; rel="next"` (RFC 8288), each on the registry's own host. */
export async function* pages(
  repository: Repository,
  call: { what: string; path: string; accept: readonly number[]; signal?: AbortSignal | undefined },
): AsyncGenerator<Answer> {
  const asked = { what: call.what, where: nameOf(repository) };
  let path: string | URL = call.path;
  for (let count = 0; count < maxPages; count++) {
    const answer: Answer = await request(repository, { ...call, method: 'GET', path });
    yield answer;
    const link = answer.headers.link;
    const [next] = typeof link === 'string' ? LinkHeader.parse(link).rel('next') : [];
    if (!next) return;
    path = repository.registry.locate(next.uri, answer.url, asked);
    if (path.host !== answer.url.host)
      throw new ProtocolError(asked, `leads on to another host, ${path.host}`);
  }
  throw new ProtocolError(asked, `has no end: more than ${maxPages} pages`);
}
