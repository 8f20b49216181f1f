import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A request with its body. */
export interface Seen {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface Server {
  /** `127.0.0.1:<port>` */
  host: string;
  url: string;
  seen: Seen[];
  close(): Promise<void>;
}

/** An HTTP server on a free port; what `answer` gives is sent as JSON, a number is a status alone. */
export async function serve(
  answer: (request: Seen, response: ServerResponse) => object | string | number | undefined,
): Promise<Server> {
  const seen: Seen[] = [];
  const http = createServer(async (request, response) => {
    const { method = '', url: path = '', headers } = request;
    const each = { method, path, headers, body: await text(request) };
    seen.push(each);
    const given = answer(each, response);
    if (typeof given === 'number') response.statusCode = given;
    response.end(typeof given === 'object' ? JSON.stringify(given) : typeof given === 'string' ? given : '');
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    ...{ host, url: `http://${host}`, seen },
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

/**
 * A registry that lets in one user, by basic authentication as the distribution specification has it. `before` may answer
 * in its place.
 */
export function serveRegistry(
  { username, password }: { username: string; password: string },
  before: (request: Seen, response: ServerResponse) => object | string | number | undefined = () => undefined,
): Promise<Server> {
  const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  return serve((request, response) => {
    const instead = before(request, response);
    if (instead !== undefined) return instead;
    if (request.path !== '/v2/') return 404;
    if (request.headers.authorization === wanted) return {};
    response.setHeader('www-authenticate', 'Basic realm="test"');
    return 401;
  });
}
