import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Seen {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
}

export interface Server {
  host: string;
  seen: Seen[];
  close(): Promise<void>;
}

/** An HTTP server on a free port for what no real registry can be brought to do. */
export async function serve(
  handle: (request: IncomingMessage, response: ServerResponse, server: Server) => unknown,
  /** Instead of the 100 that is otherwise said to whoever announces a body. */
  expected?: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<Server> {
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url: path = '', headers } = request;
    server.seen.push({ method, path, headers });
    handle(request, response, server);
  };
  const http = createServer(answer);
  if (expected)
    http.on('checkContinue', (request, response) => {
      if (expected(request, response) === undefined) answer(request, response);
    });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server: Server = {
    host: `127.0.0.1:${(http.address() as AddressInfo).port}`,
    seen: [],
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return server;
}
