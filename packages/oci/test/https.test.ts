import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createProxy } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listTags, Registry } from '../src/index.ts';

const certificate = selfSigned();

/** Undefined where there is no openssl. */
function selfSigned(): { key: Buffer; cert: Buffer } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'oci-https-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  try {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const args = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '1',
      '-keyout',
      key,
      '-out',
      cert,
    ];
    execFileSync('openssl', [...args, ...subject], { stdio: 'ignore' });
    return { key: readFileSync(key), cert: readFileSync(cert) };
  } catch {
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe.runIf(certificate)('over https', () => {
  const trusted = getCACertificates('default');
  let server: Server;
  let host: string;
  beforeAll(async () => {
    server = createServer(certificate ?? {}, (_, response) => response.end('{"tags":["v1"]}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    setDefaultCACertificates(trusted);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const tags = (options = {}) =>
    listTags(
      new Registry(host, {
        credentials: async () => undefined,
        insecure: false,
        env: {},
        ...options,
      }).repository('a'),
    );

  it('says at once that a certificate is not trusted, and how to trust it', async () => {
    const retries: string[] = [];
    await expect(tags({ onRetry: (message: string) => retries.push(message) })).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(/the connection to .* failed: self-signed certificate/),
      advice: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    });
    expect(retries).toEqual([]);
  });

  it('is spoken to directly, and through the proxy of the environment', async () => {
    setDefaultCACertificates([...trusted, certificate?.cert.toString() ?? '']);
    expect(await tags()).toEqual(['v1']);
    const asked: string[] = [];
    const proxy = createProxy().on('connect', (request, socket: Socket) => {
      asked.push(request.url ?? '');
      const { hostname, port } = new URL(`http://${request.url}`);
      const through = connect(Number(port), hostname, () => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
        through.pipe(socket).pipe(through);
      });
      through.on('error', () => socket.destroy());
      socket.on('error', () => through.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    expect(await tags({ env: { HTTPS_PROXY: address } })).toEqual(['v1']);
    expect(await tags({ env: { HTTPS_PROXY: address, NO_PROXY: '127.0.0.1' } })).toEqual(['v1']);
    expect(asked).toEqual([host]);
    proxy.closeAllConnections();
    proxy.close();
  });
});
