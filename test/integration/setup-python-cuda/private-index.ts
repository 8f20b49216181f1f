import { createReadStream, existsSync, statSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { command } from '@mlops/core/process';
import { root } from './workbench.ts';

export const user = 'robot+ci';
/** With what an address cannot hold as it is. */
export const token = 'S3cr3t/p@ss%w?rd#x';
/** As it stands in an address. */
export const encoded = encodeURIComponent(token);

export interface PrivateIndex {
  /** `http://127.0.0.1:<port>`; packages are below `/simple`, files of a folder below `/files`. */
  url: string;
  /** Paths that were served, and those that were refused. */
  served: string[];
  refused: string[];
  close(): Promise<void>;
}

/**
 * A package index, and a server of files, that asks for user and token, and refuses a user `stranger` whatever its
 * token. What is asked of it without leave is answered with `status` (default 401).
 */
export async function privateIndex(wheels: string, files: string, status = 401): Promise<PrivateIndex> {
  const served: string[] = [];
  const refused: string[] = [];
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    const [, basic = ''] = /^Basic (.+)$/.exec(request.headers.authorization ?? '') ?? [];
    const who = Buffer.from(basic, 'base64').toString();
    if (who !== `${user}:${token}`) {
      refused.push(path);
      response.writeHead(who.startsWith('stranger:') ? 403 : status, {
        'www-authenticate': 'Basic realm="private"',
      });
      response.end();
      return;
    }
    served.push(path);
    const [, name] = /^\/simple\/([^/]+)\/?$/.exec(path) ?? [];
    if (name) {
      const found = (await readdir(wheels)).filter((file) =>
        file.startsWith(`${name.replaceAll('-', '_')}-`),
      );
      response.writeHead(found.length ? 200 : 404, { 'content-type': 'text/html' });
      response.end(found.map((file) => `<a href="/wheels/${file}">${file}</a>`).join('\n'));
      return;
    }
    const file = path.startsWith('/wheels/') ? join(wheels, path.slice(8)) : join(files, path.slice(7));
    if (!existsSync(file) || !statSync(file).isFile()) response.writeHead(404).end();
    else createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    served,
    refused,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** A folder with one wheel of a module, made by hand: a zip of it and its metadata. */
export async function makeWheel(name: string, tag = 'py3-none-any', more = ''): Promise<string> {
  const folder = join(root, 'wheels', name);
  await mkdir(folder, { recursive: true });
  const code = `
import zipfile
with zipfile.ZipFile("${name}-1.0-${tag}.whl", "w") as wheel:
    wheel.writestr("${name}.py", "")
    wheel.writestr("${name}-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: ${name}\\nVersion: 1.0\\n${more}")
    wheel.writestr("${name}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: ${tag}\\n")
    wheel.writestr("${name}-1.0.dist-info/RECORD", "")
`;
  await writeFile(join(folder, 'make.py'), code);
  await command('python3', ['make.py'], { cwd: folder });
  return folder;
}
