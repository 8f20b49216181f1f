import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before a registry at `host:port` on this machine, and has it answer later, as one far away does. */
export interface FarRegistry {
  host: string;
  close(): Promise<void>;
}

/** @param delayMs what each request takes longer, in milliseconds */
export async function startFarRegistry(target: string, delayMs: number): Promise<FarRegistry> {
  const server = createServer((incoming, answer) => {
    const { method, url, headers } = incoming;
    const pass = () => {
      const outgoing = request(`http://${target}${url}`, { method, headers }, (found) => {
        answer.writeHead(found.statusCode ?? 502, found.headers);
        found.pipe(answer);
      });
      outgoing.on('error', () => answer.destroy());
      incoming.pipe(outgoing);
    };
    setTimeout(pass, delayMs);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
