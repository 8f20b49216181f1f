import { spawn } from 'node:child_process';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, dirname } from 'node:path';
import { buffer } from 'node:stream/consumers';

export interface GitServer {
  url: string;
  /** The user and password that each request came with, `-` where it had none. */
  credentials: string[];
  close(): Promise<void>;
}

/** Serves a bare repository over HTTP as GitHub does for a token that may only read: whoever pushes gets 403. */
export async function readOnlyGitServer(repository: string): Promise<GitServer> {
  const credentials: string[] = [];
  const server = createServer((request, response) => {
    const { authorization = '' } = request.headers;
    credentials.push(Buffer.from(authorization.replace(/^basic /i, ''), 'base64').toString() || '-');
    answer(request, response, repository).catch((error) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/${basename(repository)}`,
    credentials,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, repository: string): Promise<void> {
  const { pathname, searchParams, search } = new URL(request.url ?? '/', 'http://127.0.0.1');
  if (`${pathname} ${searchParams.get('service')}`.includes('git-receive-pack')) {
    response.writeHead(403).end('Write access to repository not granted.');
    return;
  }
  const backend = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: dirname(repository),
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REQUEST_METHOD: request.method,
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    },
  });
  request.pipe(backend.stdin);
  // A CGI program's answer: headers, an empty line, the body.
  const said = await buffer(backend.stdout);
  const end = said.indexOf('\r\n\r\n');
  for (const header of said.subarray(0, end).toString().split('\r\n')) {
    const [name = '', value = ''] = header.split(/: (.*)/);
    if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
  response.end(said.subarray(end + 4));
}
