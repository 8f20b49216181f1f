import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { command } from '@mlops/core/process';

/**
 * A package index, and PyTorch's own indexes, on this machine. uv has no setting for another place of the latter, so
 * it reaches them through a proxy that answers in their stead; nothing leaves the machine.
 */
export interface TorchIndex {
  /** What uv needs to find both. */
  env: Record<string, string>;
  /** Files that were fetched, since this was emptied. */
  fetched: string[];
  close(): Promise<void>;
}

interface Wheel {
  folder: string;
  name: string;
  version: string;
  requires?: string[];
  files?: Record<string, string>;
}

const torch = (version: string, backend: string, requires: string[]): Wheel[] => [
  {
    folder: backend,
    name: 'torch',
    version: `${version}+${backend}`,
    requires: ['filelock', ...requires],
    files: { 'torch/__init__.py': standIn, 'torch/build.py': `version = "${version}+${backend}"\n` },
  },
  {
    folder: backend,
    name: 'torchvision',
    version: `0.${Number(version.split('.')[1]) + 15}.0+${backend}`,
    requires: [`torch==${version}`],
  },
];

const cublas = { cu126: '12.6.4.1', cu128: '12.8.4.1', cu129: '12.9.1.4' } as const;
const cuda = (version: string, backend: keyof typeof cublas): Wheel[] =>
  torch(version, backend, [`nvidia-cublas-cu12==${cublas[backend]}`, 'triton==3.5.0']);

/** A torch that says of itself and its GPUs what STAND_IN_TORCH says, as JSON: the kernel check is about these words. */
const standIn = `import json, os
from .build import version as __version__
_said = json.loads(os.environ.get("STAND_IN_TORCH", "{}"))
if _said.get("import"):
    raise ImportError(_said["import"])
_build = __version__.partition("+")[2]
class version:
    cuda = "%s.%s" % (_build[2:-1], _build[-1]) if _build.startswith("cu") else None
class cuda:
    @staticmethod
    def init():
        if _said.get("init"):
            raise RuntimeError(_said["init"])
    @staticmethod
    def get_arch_list():
        return _said.get("architectures", ["sm_75", "sm_80", "sm_90"])
    @staticmethod
    def device_count():
        return len(_said.get("gpus", []))
    @staticmethod
    def get_device_name(i):
        return _said["gpus"][i][0]
    @staticmethod
    def get_device_capability(i):
        return tuple(_said["gpus"][i][1:])
class _Ones:
    def __matmul__(self, other):
        if _said.get("matmul"):
            raise RuntimeError(_said["matmul"])
        return self
    def sum(self):
        return _said.get("sum", 4096)
def ones(rows, columns, device):
    return _Ones()
`;

const plain = (name: string, version: string, requires: string[] = []): Wheel => ({
  folder: 'simple',
  name,
  version,
  requires,
  files: { [`${name.replaceAll('-', '_')}.py`]: '' },
});

const wheels: Wheel[] = [
  ...torch('2.9.0', 'cpu', []),
  ...cuda('2.9.0', 'cu126'),
  ...cuda('2.9.0', 'cu128'),
  ...torch('2.9.0', 'cu130', ['nvidia-cublas==13.0.0.19', 'triton==3.5.0']),
  ...torch('2.8.0', 'cpu', []),
  ...cuda('2.8.0', 'cu126'),
  ...cuda('2.8.0', 'cu129'),
  ...['cpu', 'cu126', 'cu128', 'cu129', 'cu130'].map((folder) => ({ ...plain('triton', '3.5.0'), folder })),
  // What the index that everybody uses has of PyTorch is the build for one CUDA.
  {
    ...plain('torch', '2.9.0', ['filelock', `nvidia-cublas-cu12==${cublas.cu128}`, 'triton==3.5.0']),
    files: { 'torch/__init__.py': '', 'torch/build.py': 'version = "2.9.0"\n' },
  },
  plain('torchvision', '0.24.0', ['torch==2.9.0']),
  plain('triton', '3.5.0'),
  ...Object.values(cublas).map((version) => plain('nvidia-cublas-cu12', version)),
  plain('nvidia-cublas', '13.0.0.19'),
  plain('nvidia-ml-py', '13.0.0'),
  plain('gpu-monitor', '1.0', ['nvidia-ml-py']),
  plain('array-library', '1.0', ['nvidia-cublas-cu12']),
  plain('filelock', '3.19.1'),
  plain('filelock', '3.20.0'),
  plain('six', '1.16.0'),
  plain('six', '1.17.0'),
];

/** Starts the indexes. `uv` and `python` make what they need, in `folder`. */
export async function startTorchIndex(uv: string, python: string, folder: string): Promise<TorchIndex> {
  await mkdir(folder, { recursive: true });
  const described = wheels.map((wheel) => ({
    requires: [],
    files: {},
    ...wheel,
    folder: join(folder, wheel.folder),
  }));
  const script = fileURLToPath(new URL('make-wheels.py', import.meta.url));
  await command(python, [script], { input: JSON.stringify(described) });
  const address = await addressOfTorch(uv, folder);
  const certify = 'run --quiet --no-project --isolated --with trustme python -m trustme --quiet';
  await command(uv, [...certify.split(' '), '-d', folder, '-i', address.hostname], { cwd: folder });
  const key = await readFile(join(folder, 'server.key'));
  const cert = await readFile(join(folder, 'server.pem'));

  const fetched: string[] = [];
  const sockets = new Set<Socket>();
  const index = createServer((request, response) => void answer(request, response, folder, fetched));
  index.on('connection', (socket) => track(sockets, socket));
  await listen(index);
  const proxy = createServer();
  proxy.on('connect', (request: IncomingMessage, socket: Socket) => {
    track(sockets, socket);
    if (!request.url?.startsWith(`${address.hostname}:`)) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    const secure = new TLSSocket(socket, { isServer: true, key, cert, ALPNProtocols: ['http/1.1'] });
    const inner = connect(port(index), '127.0.0.1');
    track(sockets, inner);
    secure.pipe(inner).pipe(secure);
    for (const each of [secure, inner]) each.on('error', () => socket.destroy());
  });
  await listen(proxy);
  return {
    env: {
      UV_DEFAULT_INDEX: `http://127.0.0.1:${port(index)}/simple`,
      UV_INSECURE_HOST: address.hostname,
      HTTPS_PROXY: `http://127.0.0.1:${port(proxy)}`,
      NO_PROXY: '127.0.0.1',
      PIP_FIND_LINKS: '',
    },
    fetched,
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([index, proxy].map((each) => new Promise((done) => each.close(done))));
    },
  };
}

/** Where uv looks for PyTorch. */
async function addressOfTorch(uv: string, cwd: string): Promise<URL> {
  const args = 'pip compile - --torch-backend cpu --offline --no-cache --no-config --no-deps --verbose';
  let said = '';
  await command(uv, args.split(' '), {
    cwd,
    input: 'torch',
    tolerate: true,
    onLine: (line) => {
      said += `${line}\n`;
    },
  });
  return new URL(/https:\/\/\S+/.exec(said)?.[0] ?? '');
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  root: string,
  fetched: string[],
): Promise<void> {
  const parts = decodeURIComponent(request.url ?? '')
    .split('/')
    .filter(Boolean);
  const [folder = '', name = ''] = parts.slice(-2);
  const place = join(root, folder);
  if (/\.whl(\.metadata)?$/.test(name) && existsSync(join(place, name))) {
    if (name.endsWith('.whl')) fetched.push(`${folder}/${name}`);
    response.end(await readFile(join(place, name)));
    return;
  }
  const there = existsSync(place) ? await readdir(place) : [];
  const files = there.filter((file) => file.endsWith('.whl') && isOf(file, name));
  if (!files.length) {
    response.writeHead(404).end();
    return;
  }
  const links = files.map(async (file) => {
    const wheel = await sha256(join(place, file));
    const metadata = await sha256(join(place, `${file}.metadata`));
    const path = parts.slice(0, -1).map(encodeURIComponent).join('/');
    const href = `/${path}/${encodeURIComponent(file)}#sha256=${wheel}`;
    return `<a href="${href}" data-core-metadata="sha256=${metadata}">${file}</a>`;
  });
  response.setHeader('content-type', 'text/html').end((await Promise.all(links)).join('\n'));
}

async function sha256(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

function isOf(file: string, name: string): boolean {
  return file.split('-')[0]?.replaceAll('_', '-') === name;
}

function track(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on('error', () => {}).on('close', () => sockets.delete(socket));
}

async function listen(server: Server): Promise<void> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
}

function port(server: Server): number {
  return (server.address() as AddressInfo).port;
}
