import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { command } from '@mlops/core/process';
import {
  type BuildKit,
  type Docker,
  publishImages,
  startBuildKit,
  startDocker,
} from '@mlops/testkit/buildkit';
import { type OciRegistry, startOciRegistry } from '@mlops/testkit/oci';
import { tool } from '@mlops/tools';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  SmokeFailure,
  type SmokeOptions,
  type SmokeReport,
  smokeTest,
} from '../../actions/docker-build-push/src/smoke/index.ts';

/** What images of a model's server do wrong, and that it is noticed before anybody gets them. */

const server = `
import http.server, json, os, sys, time
mode = os.environ.get('MODE', 'good')
print('mode', mode, 'as', os.getuid(), flush=True)
if mode == 'exit':
    print('Traceback: the model is missing', file=sys.stderr)
    sys.exit(3)
hoard = []
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(503 if mode == 'sick' else 200, {'status': mode})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers['content-length'])))
        if self.path == '/hoard':
            while True:
                hoard.append(bytearray(8 * 2 ** 20))
        if self.path == '/exec':
            return self.answer(200, {'result': repr(eval(asked))})
        self.answer(200, {'label': 'benign' if mode == 'wrong' else 'malignant'})
    def answer(self, status, body):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())
host, port = os.environ.get('HOST', '0.0.0.0'), int(os.environ.get('PORT', '8000'))
if mode == 'stubborn':
    port = int(os.environ['OWN_PORT'])
http.server.HTTPServer((host, port), Handler).serve_forever()
`;

const dockerfile = `
FROM python:3.11-slim
RUN useradd --create-home --uid 1234 --groups games app && mkdir /srv/old && touch /srv/old/a /srv/old/b /srv/gone
RUN rm /srv/gone && rm -r /srv/old && mkdir /srv/old && touch /srv/old/c && ln -s /srv/old /srv/link
COPY server.py /app/server.py
COPY server.py /srv/link/copied.py
ENV GREETING="hello world"
WORKDIR /app
EXPOSE 8000
USER app
ENTRYPOINT ["python", "-u"]
CMD ["server.py"]
`;

let registry: OciRegistry;
let buildkit: BuildKit;
let folder: string;
let layout: string;

beforeAll(async () => {
  registry = await startOciRegistry();
  await publishImages(registry.host, ['python']);
  buildkit = await startBuildKit({ mirror: registry.host });
  folder = await mkdtemp(join(tmpdir(), 'smoke-test-'));
  await mkdir(join(folder, 'temporary'));
  vi.stubEnv('PATH', [dirname(await tool('runc')), process.env.PATH].join(delimiter));
  // Whatever the code under test makes for a while comes here, to see that it is gone afterwards.
  vi.stubEnv('TMPDIR', join(folder, 'temporary'));
  layout = await build('server', dockerfile);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await buildkit?.close();
  await registry?.close();
  if (folder) await rm(folder, { recursive: true });
});
afterEach(async () => {
  const temporary = await readdir(join(folder, 'temporary'));
  expect(temporary.filter((name) => name.startsWith('mlops-smoke'))).toEqual([]);
  const groups = await readdir('/sys/fs/cgroup', { withFileTypes: true });
  const folders = groups.filter((entry) => entry.isDirectory()).map(({ name }) => `/sys/fs/cgroup/${name}`);
  const below = await Promise.all(['/sys/fs/cgroup', ...folders].map((path) => readdir(path)));
  expect(below.flat().filter((name) => name.startsWith('mlops-smoke'))).toEqual([]);
  expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain('mlops-smoke');
  expect(await commandLines()).not.toContain('python -u server.py');
});

describe('the smoke test of an image in runc', () => {
  it('lets a healthy image pass that answers as expected', async () => {
    const lines: string[] = [];
    const expected = { status: 200, json: { label: 'malignant' } };
    const report = await smoke({
      requests: [{ path: '/predict', json: { x: 1 }, expect: expected }],
      onLog: (line) => lines.push(line),
    });
    expect(report).toMatchObject({ runtime: 'runc', platform: 'linux/amd64', results: [{ passed: true }] });
    expect(report.healthyMs).toBeGreaterThan(0);
    expect(lines).toContain('mode good as 1234');
    expect(report.log).toContain('mode good as 1234');
  });

  it.each(['zstd', 'estargz', 'uncompressed'])(
    'reads layers of %s, an index and attestations',
    async (how) => {
      const compression = `,compression=${how},force-compression=true`;
      const packed = await build(how, dockerfile, ['--provenance=mode=max'], compression);
      expect(await smoke({ layout: packed })).toMatchObject({ platform: 'linux/amd64', results: [] });
    },
  );

  it('gives the image the file system, the user and the surroundings that it says', async () => {
    const values = {
      "sorted(os.listdir('/srv')) + sorted(os.listdir('/srv/old'))": "['link', 'old', 'c', 'copied.py']",
      '(os.getuid(), os.getgid(), os.getgroups(), os.getcwd())': "(1234, 1234, [60, 1234], '/app')",
      "[os.environ[name] for name in ('GREETING', 'HOME', 'EXTRA', 'HOST')]":
        "['hello world', '/home/app', 'a=b c', '127.0.0.1']",
      "(os.stat('/tmp').st_mode & 0o7777, os.stat('/usr/bin/passwd').st_mode & 0o7777)": '(1023, 2541)',
      "open('/proc/self/status').read().split('CapPrm:')[1].split()[0]": "'0000000000000400'",
      "sorted(name for name in os.listdir('/proc') if name.isdigit())": "['1']",
      "os.access('/etc/passwd', os.W_OK)": 'False',
    };
    const { results } = await smoke({
      env: { EXTRA: 'a=b c' },
      requests: Object.entries(values).map(([json, result]) => ({
        path: '/exec',
        json,
        expect: { json: { result } },
      })),
    });
    expect(results.map(({ passed }) => passed)).toEqual(Object.keys(values).map(() => true));
  });

  it('says which request was answered otherwise', async () => {
    const failure = await failing({
      env: { MODE: 'wrong' },
      requests: [
        { path: '/health' },
        { path: '/predict', json: {}, expect: { json: { label: 'malignant' } } },
      ],
    });
    expect(failure.message).toBe(
      'the image failed 1 of 2 smoke requests:\n' +
        '  POST /predict: json.label: expected "malignant", got "benign"\n' +
        'Its last words:\n' +
        `${failure.report.log.map((line) => `  ${line}`).join('\n')}`,
    );
    expect(failure.report.log).toContain('mode wrong as 1234');
    expect(failure.report.results.map(({ passed }) => passed)).toEqual([true, false]);
  });

  it('shows why an image has ended at once', async () => {
    const started = performance.now();
    const { message, report } = await failing({ env: { MODE: 'exit' }, healthTimeoutMs: 60_000 });
    expect(message).toContain('the image cannot serve: it ended (exit code 3) before it was healthy.');
    expect(message).toContain('\n  Traceback: the model is missing');
    expect(report.healthyMs).toBeNull();
    expect(performance.now() - started).toBeLessThan(30_000);
  });

  it('gives up on an image that never becomes healthy', async () => {
    const { message } = await failing({ env: { MODE: 'sick' }, healthTimeoutMs: 1500 });
    expect(message).toContain('it was not healthy within 1.5 s (the last answer had status 503)');
    expect(message).toContain('mode sick as 1234');
  });

  it('says that an image was out of memory', async () => {
    const { message } = await failing({
      memoryBytes: 64 * 2 ** 20,
      requests: [{ path: '/hoard', json: {} }],
    });
    expect(message).toContain('POST /hoard: no answer');
    expect(message).toContain(
      'It ended (exit code 137; a process was killed since it wanted more than 64 MiB of memory).',
    );
  });

  it('lets an image start no more processes than it may', async () => {
    const fork = "[__import__('subprocess').Popen(['sleep', '100']).pid for _ in range(20)]";
    const { message } = await failing({ pids: 8, requests: [{ path: '/exec', json: fork }] });
    expect(message).toContain('POST /exec: no answer');
    expect(message).toContain('Resource temporarily unavailable');
  });

  it("takes the image's own port when that is free, and another one when not", async () => {
    const first = await listen(0);
    const { port } = first.address() as AddressInfo;
    await close(first);
    const stubborn = { MODE: 'stubborn', OWN_PORT: String(port) };
    expect(await smoke({ port, env: stubborn })).toMatchObject({ results: [] });
    const other = await listen(port);
    try {
      const requests = [{ path: '/health', expect: { json: { status: 'good' } } }];
      expect(await smoke({ port, requests })).toMatchObject({ results: [{ passed: true }] });
      const { message } = await failing({ port, env: stubborn, healthTimeoutMs: 20_000 });
      expect(message).toContain('Address already in use');
    } finally {
      await close(other);
    }
  });

  it('says what an image lacks to be started', async () => {
    const missing = await build('missing', 'FROM python:3.11-slim\nENTRYPOINT ["/no/such/program"]\n');
    await expect(smoke({ layout: missing })).rejects.toThrow(
      /runc could not start the image: .*\/no\/such\/program.*no such file/,
    );
    const nobody = await build('nobody', 'FROM python:3.11-slim\nUSER somebody\nCMD ["true"]\n');
    await expect(smoke({ layout: nobody })).rejects.toThrow("the image's user is 'somebody'");
    const empty = await build('empty', 'FROM scratch\nCOPY server.py /\n');
    await expect(smoke({ layout: empty })).rejects.toThrow('neither ENTRYPOINT nor CMD');
    const foreign = await build('foreign', 'FROM scratch\nCOPY server.py /\n', ['--platform=linux/arm64']);
    await expect(smoke({ layout: foreign })).rejects.toThrow(
      'the image is for linux/arm64, and can be started on linux/amd64 only',
    );
  });

  it('leaves nothing behind when it is cancelled', async () => {
    const controller = new AbortController();
    const onLog = (line: string) => line.startsWith('mode') && controller.abort(new Error('cancelled'));
    const work = smoke({ env: { MODE: 'sick' }, healthTimeoutMs: 60_000, signal: controller.signal, onLog });
    await expect(work).rejects.toThrow('cancelled');
    const early = AbortSignal.abort(new Error('too early'));
    await expect(smoke({ signal: early })).rejects.toThrow('too early');
  });
});

describe('the smoke test of an image in Docker', () => {
  let docker: Docker;
  const before = process.env.PATH;

  beforeAll(async () => {
    docker = await startDocker();
    for (const [name, value] of Object.entries(docker.env)) vi.stubEnv(name, value);
  });
  afterAll(async () => {
    vi.stubEnv('PATH', before);
    vi.stubEnv('DOCKER_HOST', undefined);
    await docker?.close();
  });
  afterEach(async () => {
    for (const what of ['ps', 'image', 'volume']) {
      const args = what === 'ps' ? ['ps', '--all', '--quiet'] : [what, 'ls', '--quiet'];
      expect((await command('docker', args)).stdout).toBe('');
    }
  });

  it('lets a healthy image pass that answers as expected', async () => {
    const packed = await build('docker', dockerfile, ['--provenance=mode=max']);
    const report = await smoke({
      ...{ layout: packed, runtime: 'auto', port: 8123, env: { EXTRA: 'a=b c' } },
      requests: [
        { path: '/predict', json: { x: 1 }, expect: { json: { label: 'malignant' } } },
        {
          path: '/exec',
          json: "os.environ['EXTRA'] + str(port)",
          expect: { json: { result: "'a=b c8123'" } },
        },
        { path: '/exec', json: 'os.getuid()', expect: { json: { result: '1234' } } },
      ],
    });
    expect(report).toMatchObject({ runtime: 'docker', platform: 'linux/amd64' });
    expect(report.log).toContain('mode good as 1234');
  });

  it('shows why an image has ended at once', async () => {
    const { message } = await failing({ runtime: 'docker', env: { MODE: 'exit' } });
    expect(message).toContain('the image cannot serve: it ended (exit code 3) before it was healthy.');
    expect(message).toContain('\n  Traceback: the model is missing');
  });

  it('says that an image was out of memory', async () => {
    const requests = [{ path: '/hoard', json: {} }];
    const { message } = await failing({ runtime: 'docker', memoryBytes: 64 * 2 ** 20, requests });
    expect(message).toContain('POST /hoard: no answer');
    expect(message).toContain(
      'It ended (exit code 137; a process was killed since it wanted more than 64 MiB of memory).',
    );
  });

  it('says that an old Docker takes no layers of zstd', async () => {
    const compression = ',compression=zstd,force-compression=true';
    const packed = await build('docker-zstd', dockerfile, [], compression);
    await expect(smoke({ layout: packed, runtime: 'docker' })).rejects.toMatchObject({
      message: expect.stringContaining('Docker did not take the image'),
      advice: expect.stringContaining('zstd from version 23 on'),
    });
  });

  it('says what an image lacks to be started', async () => {
    const missing = await build('docker-missing', 'FROM python:3.11-slim\nENTRYPOINT ["/no/such/program"]\n');
    await expect(smoke({ layout: missing, runtime: 'docker' })).rejects.toThrow(
      /Docker could not start the image: .*\/no\/such\/program.*no such file/s,
    );
  });

  it('leaves nothing behind when it is cancelled', async () => {
    const controller = new AbortController();
    const onLog = (line: string) => line.startsWith('mode') && controller.abort(new Error('cancelled'));
    const env = { MODE: 'sick' };
    const work = smoke({ runtime: 'docker', env, healthTimeoutMs: 60_000, signal: controller.signal, onLog });
    await expect(work).rejects.toThrow('cancelled');
  });
});

describe('where nothing can run an image', () => {
  it('says what is missing', async () => {
    const path = process.env.PATH;
    vi.stubEnv('PATH', folder);
    try {
      await expect(smoke({ runtime: 'auto' })).rejects.toMatchObject({
        name: 'UserError',
        message:
          'the image cannot be started here to test it: there is no docker on PATH, and there is no runc on PATH',
        advice: expect.stringContaining('smoke-test: never'),
      });
    } finally {
      vi.stubEnv('PATH', path);
    }
  });
});

function smoke(options: Partial<SmokeOptions>): Promise<SmokeReport> {
  return smokeTest({
    ...{ layout, runtime: 'runc', healthPath: '/health', healthTimeoutMs: 30_000, requests: [] },
    signal: new AbortController().signal,
    ...options,
  });
}

async function failing(options: Partial<SmokeOptions>): Promise<SmokeFailure> {
  const error = await smoke(options).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SmokeFailure);
  return error as SmokeFailure;
}

async function commandLines(): Promise<string> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
  return (await Promise.all(lines)).join('\n').replaceAll('\0', ' ');
}

async function listen(port: number): Promise<Server> {
  const other = createServer((_, answer) => answer.end('"somebody else"'));
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  return other;
}

async function close(other: Server): Promise<void> {
  await new Promise((resolve) => other.close(resolve));
}

async function build(name: string, text: string, args: string[] = [], attributes = ''): Promise<string> {
  const context = join(folder, name);
  const target = join(context, 'layout');
  await mkdir(context);
  await writeFile(join(context, 'Dockerfile'), text);
  await writeFile(join(context, 'server.py'), server);
  const output = `--output=type=oci,tar=false,dest=${target}${attributes}`;
  const all = ['build', '--progress=plain', output, ...args, context];
  await command('buildx', all, { env: buildkit.env });
  return target;
}
