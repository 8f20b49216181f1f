import { createHash, generateKeyPairSync } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { waitFor } from '@mlops/core';
import { command } from '@mlops/core/process';
import { bytesSource, connect, digestOf, parseReference, pushBlob, putManifest, readBlob } from '@mlops/oci';
import { startDocker } from '@mlops/testkit/buildkit';
import { startOciRegistry } from '@mlops/testkit/oci';
import { type ActionResult, runAction } from '@mlops/testkit/runner-files';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { inRegistry, messagesOf, type Rig, startRig } from './images.ts';

/** What the inputs do to images, by a real BuildKit. */

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterEach(() => rig?.proxy.clear());
afterAll(() => rig?.close());

const copied = { Dockerfile: 'FROM scratch\nCOPY hello /\n', hello: 'hello\n' };
let count = 0;
const fresh = () => `inputs-${++count}`;
const tools = 'FROM python:3.11-slim';

type Given = Record<string, string | number | boolean>;
type Files = Record<string, string | Buffer>;

/** Builds a project of its own, which has to succeed. */
async function build(
  files: Files,
  inputs: Given = {},
  options: Parameters<Rig['run']>[2] = {},
): Promise<ActionResult & { name: string; root: string }> {
  const name = fresh();
  const root = await rig.project(name, files);
  const result = await rig.run(root, { images: rig.image(name), tags: 'v1', ...inputs }, options);
  expect(messagesOf(result, 'error')).toEqual([]);
  return { ...result, name, root };
}

/** Builds it to a folder instead, and reads what is there. */
async function built(files: Files, inputs: Given, options: Parameters<Rig['run']>[2] = {}) {
  const { root } = await build(files, { push: false, outputs: 'type=local,dest=out', ...inputs }, options);
  return (name: string) => readFile(join(root, 'out', name), 'utf8');
}

/** The manifest of the image for the first platform, past an index. */
async function manifestOf(reference: string) {
  const found = await inRegistry(reference);
  const [image] = found.json.manifests ?? [];
  return image ? inRegistry(`${reference.replace(/:[^:/]+$/, '')}@${image.digest}`) : found;
}

/** Without the layers of the base image. */
const isSmall = ({ size }: { size: number }) => size < 1e6;

async function blobsOf(reference: string): Promise<Buffer[]> {
  const { repository } = connect(parseReference(reference));
  const { json } = await manifestOf(reference);
  return Promise.all([json.config, ...json.layers.filter(isSmall)].map((one) => readBlob(repository, one)));
}

describe('the build', () => {
  const files = {
    Dockerfile: [
      `${tools} AS run`,
      'ARG A\nARG B',
      'COPY --from=data value.txt /out/value',
      'RUN printf "%s|%s" "$A" "$B" > /out/args && df --output=size /dev/shm | tail -1 > /out/shm',
      'RUN ulimit -n > /out/files && grep mirror /etc/hosts > /out/hosts',
      'FROM scratch AS serve\nCOPY --from=run /out /',
      'FROM scratch AS last\nCOPY hello /',
      '',
    ].join('\n'),
    hello: 'hello\n',
    'data/value.txt': 'of the context\n',
  };

  it('has the arguments, stage, contexts, hosts and limits that it is given', async () => {
    const read = await built(files, {
      ...{ target: 'serve', 'build-args': '["A=x, y", "B=one\\ntwo"]', 'build-contexts': 'data=data' },
      ...{ 'add-hosts': 'mirror:10.1.2.3', 'shm-size': '96m', ulimit: 'nofile=777:777' },
    });
    expect(await read('args')).toBe('x, y|one\ntwo');
    expect(await read('value')).toBe('of the context\n');
    expect(Number(await read('shm'))).toBe(96 * 1024);
    expect((await read('files')).trim()).toBe('777');
    expect(await read('hosts')).toMatch(/10\.1\.2\.3\s+mirror/);
  });

  it('has no network where it shall have none', async () => {
    const script = 'import os; print(sorted(os.listdir("/sys/class/net")))';
    const Dockerfile = `${tools} AS run\nRUN python3 -c '${script}' > /net\nFROM scratch\nCOPY --from=run /net /\n`;
    const none = await built({ Dockerfile }, { network: 'none' });
    expect((await none('net')).trim()).toBe("['lo']");
  });

  it('is done anew where it is asked for, as a whole or in stages', async () => {
    const random = 'RUN head -c 16 /dev/urandom | base64';
    const Dockerfile = [
      ...[`${tools} AS one`, `${random} > /one`, `${tools} AS two`, `${random} > /two`],
      ...['FROM scratch AS last', 'COPY --from=one /one /', 'COPY --from=two /two /', ''],
    ].join('\n');
    const values = async (inputs: Given) => {
      const read = await built({ Dockerfile }, inputs);
      return [await read('one'), await read('two')];
    };
    const [one, two] = await values({});
    expect(await values({})).toEqual([one, two]);
    const [anewOne, stillTwo] = await values({ 'no-cache-filters': 'one\nlast' });
    expect(anewOne).not.toBe(one);
    expect(stillTwo).toBe(two);
    expect(await values({ 'no-cache': true })).not.toContain(two);
  });

  it('keeps its cache beside the image, for builders that have none', async () => {
    const Dockerfile = `${tools}\nRUN head -c 16 /dev/urandom > /random\n`;
    const first = await build({ Dockerfile }, { cache: 'registry' });
    expect(first.outputs['cache-exported']).toBe('true');
    await command('buildx', ['prune', '--all', '--force'], { env: rig.env });
    const images = rig.image(first.name);
    const second = await rig.run(first.root, { images, tags: 'v2', cache: 'registry' });
    expect(messagesOf(second, 'error')).toEqual([]);
    const [before, after] = await Promise.all(['v1', 'v2'].map((tag) => manifestOf(`${images}:${tag}`)));
    expect(after?.json.layers).toEqual(before?.json.layers);
  });

  it('is for several platforms at once', async () => {
    const { outputs } = await build(copied, { platforms: 'linux/amd64,linux/arm64' });
    const platforms = JSON.parse(outputs['platform-digests'] ?? '{}');
    expect(Object.keys(platforms)).toEqual(['linux/amd64', 'linux/arm64']);
    expect(outputs['image-id']).toBe('');
  });

  it('shows its Dockerfile where that is wanted', async () => {
    const shown = await build(copied, { 'print-dockerfile': true, push: false });
    expect(shown.stdout).toMatch(/^COPY hello \/$/m);
  });

  it('leaves nothing in the registry where it is not pushed', async () => {
    const { name, outputs } = await build(copied, { push: false });
    await expect(inRegistry(rig.image(`${name}:v1`))).rejects.toThrow();
    expect(outputs.digest).toBeUndefined();
  });
});

describe('secrets', () => {
  it('reach the build, from wherever they are, and are in nothing that is pushed', async () => {
    const mounts = ['token', 'api', 'cert'].map((id) => `--mount=type=secret,id=${id}`).join(' ');
    const files = {
      Dockerfile: `${tools}\nRUN ${mounts} cd /run/secrets && cat token api cert | sha256sum > /sum\n`,
      'cert.pem': 'secret-of-a-file',
    };
    const secrets = {
      secrets: 'token=secret-value',
      'secret-envs': 'api=API',
      'secret-files': 'cert=cert.pem',
    };
    const options = { env: { API: 'secret-of-the-environment' } };
    const { name } = await build({ ...files, '.dockerignore': 'cert.pem' }, secrets, options);
    const text = (await blobsOf(rig.image(`${name}:v1`)))
      .map((blob) => (blob[0] === 0x1f ? gunzipSync(blob) : blob).toString('latin1'))
      .join('');
    const sum = createHash('sha256')
      .update('secret-valuesecret-of-the-environmentsecret-of-a-file')
      .digest('hex');
    expect(text).toContain(sum);
    expect(text).not.toMatch(/secret-(?:value|of)/);
  });
});

describe('the image', () => {
  it('has the labels and annotations that are named, and the usual ones', async () => {
    const annotations = 'team=ml\nindex:stage=test';
    const { name, outputs } = await build(copied, { labels: 'team="a, b"', annotations });
    const { repository } = connect(parseReference(rig.image(name)));
    const index = await inRegistry(rig.image(`${name}:v1`));
    const { json } = await manifestOf(rig.image(`${name}:v1`));
    const config = JSON.parse((await readBlob(repository, json.config)).toString());
    expect(config.config.Labels).toMatchObject({
      team: '"a, b"',
      'org.opencontainers.image.revision': '0123456789abcdef0123456789abcdef01234567',
    });
    expect(json.annotations).toMatchObject({ team: 'ml', 'org.opencontainers.image.title': 'model' });
    expect(index.json.annotations).toEqual({ stage: 'test' });
    expect(outputs.labels).toContain('team="a, b"');
  });

  it.each([
    ['zstd', 'application/vnd.oci.image.layer.v1.tar+zstd'],
    ['estargz', 'application/vnd.oci.image.layer.v1.tar+gzip'],
    ['uncompressed', 'application/vnd.oci.image.layer.v1.tar'],
    ['gzip', 'application/vnd.oci.image.layer.v1.tar+gzip'],
  ])('has layers compressed with %s', async (compression, mediaType) => {
    for (const held of [{}, { 'size-budget': '1 GB' }]) {
      const { name, outputs } = await build(copied, { compression, ...held });
      const [layer] = (await manifestOf(rig.image(`${name}:v1`))).json.layers;
      expect(layer.mediaType).toBe(mediaType);
      const isLazy = 'containerd.io/snapshot/stargz/toc.digest' in (layer.annotations ?? {});
      expect(isLazy).toBe(compression === 'estargz');
      expect(outputs.layers).toContain(layer.digest);
    }
  });

  it('that was large is compressed with zstd, or with gzip where the registry does not take that', async () => {
    const cases: Given[] = [{}, { 'size-budget': '1 GB' }, { 'size-budget': '1 GB', 'push-by-digest': true }];
    for (const given of cases) {
      const name = fresh();
      await publishLarge(rig.image(`${name}:v1`));
      const root = await rig.project(name, copied);
      const inputs = { images: rig.proxied(name), tags: 'v1', ...given };
      const typeOf = async ({ outputs }: ActionResult) => {
        const found = await inRegistry(`${rig.image(name)}@${outputs.digest}`);
        const manifest = found.json.manifests
          ? await inRegistry(`${rig.image(name)}@${found.json.manifests[0].digest}`)
          : found;
        return manifest.json.layers[0].mediaType;
      };
      const taken = await rig.run(root, inputs);
      expect(messagesOf(taken, 'error')).toEqual([]);
      expect(await typeOf(taken)).toMatch(/\+zstd$/);
      await publishLarge(rig.image(`${name}:v1`));
      const errors = [{ code: 'MANIFEST_INVALID', message: 'manifest invalid: unknown layer media type' }];
      const isManifest = ({ method, path }: { method: string; path: string }) =>
        method === 'PUT' && /\/manifests\//.test(path);
      const headers = { 'content-type': 'application/json' };
      const answer = { kind: 'answer', status: 400, headers, body: JSON.stringify({ errors }) } as const;
      rig.proxy.inject(answer, isManifest);
      const refused = await rig.run(root, inputs);
      expect(messagesOf(refused, 'error')).toEqual([]);
      expect(messagesOf(refused, 'warning').join()).toMatch(/does not take layers compressed with zstd/);
      expect(await typeOf(refused)).toMatch(/\+gzip$/);
    }
  });

  it('for Lambda is one manifest, compressed with gzip', async () => {
    for (const held of [{}, { 'size-budget': '1 GB' }]) {
      const { name, outputs } = await build(copied, { profile: 'lambda', ...held });
      const { json, mediaType, digest } = await inRegistry(rig.image(`${name}:v1`));
      expect(json.manifests).toBeUndefined();
      expect(mediaType).toMatch(/manifest\.v1\+json$|manifest\.v2\+json$/);
      expect(json.layers[0].mediaType).toMatch(/gzip$/);
      expect(outputs.digest).toBe(digest);
    }
  });

  it('that is too large is told of in the summary, by layer and file', async () => {
    const root = await rig.project('budget', {
      Dockerfile: 'FROM scratch\nCOPY weights.bin /model/\nCOPY hello /\n',
      'weights.bin': Buffer.alloc(3_000_000, 'mlops'),
      hello: 'hello\n',
    });
    const result = await rig.run(root, { images: rig.image('budget'), tags: 'v1', 'size-budget': '1 kB' });
    expect(result.exitCode).toBe(1);
    expect(result.summary).toMatch(/larger than its budget/);
    expect(result.summary).toMatch(/\| 1 \| .* \| COPY weights\.bin \/model\/ \|/);
    expect(result.summary).toMatch(/\/model\/weights\.bin \| 3\.0 MB \| 1 \|/);
  });

  it('goes into Docker, also when it is pushed and looked at', async () => {
    const docker = await startDocker();
    try {
      const env = {
        DOCKER_HOST: docker.env.DOCKER_HOST,
        PATH: [rig.env.PATH, docker.env.PATH].join(delimiter),
      };
      for (const given of [{ push: false }, {}, { 'size-budget': '1 GB' }]) {
        const { name, outputs } = await build(copied, { load: true, ...given }, { env });
        const inspect = ['image', 'inspect', '--format', '{{json .Config.Labels}}', rig.image(`${name}:v1`)];
        const { stdout } = await command('docker', inspect, { env: docker.env });
        expect(JSON.parse(stdout)).toHaveProperty(['org.opencontainers.image.revision']);
        if (!('push' in given))
          expect((await inRegistry(rig.image(`${name}:v1`))).digest).toBe(outputs.digest);
      }
    } finally {
      await docker.close();
    }
  });

  it("is pushed by Docker's own builder, where nothing is asked for that it cannot do", async () => {
    const docker = await startDocker();
    try {
      const env = {
        ...{ DOCKER_HOST: docker.env.DOCKER_HOST, BUILDX_BUILDER: undefined },
        PATH: [rig.env.PATH, docker.env.PATH].join(delimiter),
      };
      const { name, outputs } = await build(copied, { provenance: false }, { env });
      expect(outputs['builder-driver']).toBe('docker');
      expect((await inRegistry(rig.image(`${name}:v1`))).digest).toBe(outputs.digest);
      // Here there is no image of BuildKit that one could be made of.
      const root = await rig.project(fresh(), copied);
      const needy = await rig.run(root, { images: rig.image(name), tags: 'v2' }, { env });
      expect(needy.stdout).toMatch(/Docker's own builder lacks: attestations/);
      expect(messagesOf(needy, 'error').join()).toMatch(/driver 'docker-container' could not be made ready/);
    } finally {
      await docker.close();
    }
  });

  it('has several names, in registries with logins of their own', async () => {
    const registry = await startOciRegistry({ authenticated: true });
    try {
      const name = fresh();
      const root = await rig.project(name, copied);
      const { username, password } = registry.credentials;
      const names = [rig.image(name), `${registry.host}/acme/${name}`];
      for (const held of [{}, { 'size-budget': '1 GB' }]) {
        const result = await rig.run(root, {
          ...{ images: names.join('\n'), tags: 'v1\nv2', ...held },
          logins: JSON.stringify([{ registry: registry.host, username, password }]),
        });
        expect(messagesOf(result, 'error')).toEqual([]);
        expect(result.record?.images.map((image) => [image.name, image.tags])).toEqual(
          names.map((one) => [one, ['v1', 'v2']]),
        );
        expect((await inRegistry(`${rig.image(name)}:v2`)).digest).toBe(result.outputs.digest);
        await rig.run(root, {}, { after: result, state: result.state });
      }
      const stays = { images: names[1] ?? '', tags: 'v3', username, password, logout: false };
      const result = await rig.run(root, stays);
      expect(messagesOf(result, 'error')).toEqual([]);
      expect(result.state.logins).toBeUndefined();
      const again = await rig.run(root, { images: names[1] ?? '', tags: 'v4' });
      expect(messagesOf(again, 'error')).toEqual([]);
    } finally {
      await registry.close();
    }
  });
});

describe('a Dockerfile that is only looked at', () => {
  const Dockerfile = 'ARG BASE=scratch\nfrom $BASE AS serve\nMAINTAINER me\nCOPY hello /\n';

  it('has what is wrong with it annotated', async () => {
    const root = await rig.project(fresh(), { ...copied, Dockerfile });
    const result = await rig.run(root, { call: 'check' });
    const found = result.annotations.filter(({ level }) => level === 'warning');
    expect(found.map(({ file, line, message }) => [file, line, message.split(':')[0]]).toSorted()).toEqual([
      ['Dockerfile', 2, 'ConsistentInstructionCasing'],
      ['Dockerfile', 2, 'FromAsCasing'],
      ['Dockerfile', 3, 'MaintainerDeprecated'],
    ]);
    expect(messagesOf(result, 'error').join()).toMatch(/check of the Dockerfile has 3 findings/);
    // A build has them annotated, too, and goes on.
    const image = await rig.run(root, { images: rig.image('warned'), tags: 'v1' });
    expect(messagesOf(image, 'error')).toEqual([]);
    expect(image.annotations).toContainEqual(
      expect.objectContaining({ file: 'Dockerfile', line: 3, message: expect.stringMatching(/^Maintainer/) }),
    );
    expect(image.outputs.metadata).not.toContain('warnings');
    const broken = await rig.run(await rig.project(fresh(), { Dockerfile: 'FRM scratch\n' }), {
      call: 'check',
    });
    expect(messagesOf(broken, 'error').join()).toMatch(/unknown instruction: FRM/);
    const fine = await rig.run(await rig.project(fresh(), copied), { call: 'check' });
    expect(messagesOf(fine, 'error')).toEqual([]);
  });

  it('has its arguments and stages listed', async () => {
    const root = await rig.project(fresh(), { ...copied, Dockerfile });
    const outline = await rig.run(root, { call: 'outline' });
    expect(messagesOf(outline, 'error')).toEqual([]);
    expect(outline.stdout).toMatch(/BASE\s+scratch/);
    const targets = await rig.run(root, { call: 'targets' });
    expect(targets.stdout).toMatch(/serve/);
  });
});

describe('bake', () => {
  const files = {
    ...copied,
    'docker-bake.hcl': [
      'group "default" { targets = ["one", "two"] }',
      'target "docker-metadata-action" {}',
      'target "one" { inherits = ["docker-metadata-action"] }',
      'target "two" {\n  tags = ["TWO"]\n  labels = { team = "ml" }\n}',
      '',
    ].join('\n'),
  };

  it('pushes its targets, with tags and labels for those that inherit them', async () => {
    const [name, two] = [fresh(), `${fresh()}:v3`];
    const definition = files['docker-bake.hcl'].replace('TWO', rig.image(two));
    const root = await rig.project(name, { ...files, 'docker-bake.hcl': definition });
    const inputs = { images: rig.image(name), tags: 'v1', 'bake-files': 'docker-bake.hcl' };
    const result = await rig.run(root, inputs);
    expect(messagesOf(result, 'error')).toEqual([]);
    const digests = result.record?.images.map((image) => [image.name, image.tags, image.digest]);
    expect(digests).toEqual([
      [rig.image(name), ['v1'], (await inRegistry(rig.image(`${name}:v1`))).digest],
      [rig.image(two).replace(':v3', ''), ['v3'], (await inRegistry(rig.image(two))).digest],
    ]);
    const [config] = await blobsOf(rig.image(`${name}:v1`));
    expect(JSON.parse(String(config)).config.Labels).toHaveProperty(['org.opencontainers.image.revision']);
    const { privateKey } = generateKeyPairSync('ed25519', {
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const signed = await rig.run(root, { ...inputs, sign: 'key', 'signing-key': privateKey });
    expect(messagesOf(signed, 'error')).toEqual([]);
    expect(signed.record?.images.map((image) => image.attestations.length)).toEqual([1, 1]);
    const one = await rig.run(root, {
      ...inputs,
      'bake-targets': 'one',
      'bake-set': 'one.labels.x=y',
      tags: 'v2',
    });
    expect(one.outputs.image).toBe(`${rig.image(name)}@${one.outputs.digest}`);
    const [other] = await blobsOf(rig.image(`${name}:v2`));
    expect(JSON.parse(String(other)).config.Labels).toHaveProperty('x', 'y');
  });
});

describe('a package', () => {
  it('is the context, checked by its digests', async () => {
    const root = await rig.project(fresh(), {
      ...{ 'model/model.bin': 'weights of the model', 'serve.py': 'print()\n' },
      Dockerfile: 'FROM scratch\nCOPY . /\n',
    });
    const packing = fileURLToPath(new URL('../../actions/package', import.meta.url));
    const packed = await runAction(packing, {
      workspace: root,
      inputs: { model: 'model', include: 'Dockerfile\nserve.py', upload: false },
    });
    try {
      expect(messagesOf(packed, 'error')).toEqual([]);
      const archive = packed.outputs['package-path'] ?? '';
      const inputs = { package: archive, push: false, outputs: `type=local,dest=${join(root, 'out')}` };
      const result = await rig.run(root, { ...inputs, images: rig.image('packed'), push: true, tags: 'v1' });
      expect(messagesOf(result, 'error')).toEqual([]);
      expect(await readFile(join(root, 'out/model/model.bin'), 'utf8')).toBe('weights of the model');
      expect(result.record?.images).toMatchObject([
        { packageDigest: packed.outputs['package-digest'], modelDigest: result.outputs['model-digest'] },
      ]);
      const bytes = await readFile(archive);
      bytes.write('damages', bytes.indexOf('weights'));
      await writeFile(archive, bytes);
      const damaged = await rig.run(root, { ...inputs });
      expect(messagesOf(damaged, 'error').join()).toMatch(/model\.bin/);
      expect(damaged.exitCode).toBe(1);
    } finally {
      await packed.runner.remove();
    }
  });
});

describe('the model by itself', () => {
  it('is what its Kitfile says', async () => {
    const Kitfile =
      'manifestVersion: 1.0.0\npackage:\n  name: tumor-net\n  version: 2.1.0\n  license: MIT\nmodel:\n  name: tumor\n  path: model.bin\n';
    const files = { ...copied, 'model/model.bin': 'weights', 'model/Kitfile': Kitfile };
    const reference = rig.image('kit:2');
    const { outputs, record } = await build(files, { model: 'model', 'model-image': reference });
    const { json } = await inRegistry(reference);
    const { repository } = connect(parseReference(reference));
    const config = JSON.parse((await readBlob(repository, json.config)).toString());
    expect(config.descriptor).toMatchObject({ name: 'tumor', version: '2.1.0' });
    expect(outputs['model-reference']).toContain('sha256:');
    expect(record?.modelArtifacts).toMatchObject([{ tag: '2' }]);
  });
});

describe('an image that is tried', () => {
  const serve = (script: string) => ({
    Dockerfile: `${tools}\nCOPY serve.py /\nCMD ["python3", "/serve.py"]\n`,
    'serve.py': script,
  });

  it('and ends at once is not pushed, and says why it ended', async () => {
    const name = fresh();
    const root = await rig.project(name, serve('raise SystemExit("the weights are missing")\n'));
    const inputs = { images: rig.image(name), tags: 'v1', 'smoke-test': 'always', 'health-timeout': '30s' };
    const result = await rig.run(root, inputs);
    expect(messagesOf(result, 'error').join()).toMatch(/the weights are missing/);
    await expect(inRegistry(rig.image(`${name}:v1`))).rejects.toThrow();
  });

  it('and never becomes healthy is not pushed either', async () => {
    const name = fresh();
    const root = await rig.project(
      name,
      serve('import time\nprint("still loading", flush=True)\ntime.sleep(600)\n'),
    );
    const inputs = { images: rig.image(name), tags: 'v1', 'smoke-test': 'always', 'health-timeout': '2s' };
    const result = await rig.run(root, inputs);
    expect(messagesOf(result, 'error').join()).toMatch(/still loading/);
    await expect(inRegistry(rig.image(`${name}:v1`))).rejects.toThrow();
  });
});

describe('a service that is tried', () => {
  const server = [
    'import http.server, json, os',
    'hoard = b"x" * int(os.environ.get("HOARD", "0"))',
    'class Handler(http.server.BaseHTTPRequestHandler):',
    '    def do_GET(self):',
    "        self.send_response(200 if self.path in ('/ready', '/label') else 404)",
    '        self.end_headers()',
    "        self.wfile.write(json.dumps({'label': os.environ.get('LABEL')}).encode())",
    "http.server.HTTPServer((os.environ['HOST'], int(os.environ['PORT'])), Handler).serve_forever()",
    '',
  ].join('\n');
  const inputs = {
    ...{ serve: 'python serve.py', base: 'python:3.11-slim', port: 9123, 'health-path': '/ready' },
    ...{ 'smoke-runtime': 'runc', 'health-timeout': '30s', 'smoke-env': 'LABEL=benign' },
    smoke: '[{ method: GET, path: /label, expect: { json: { label: benign } } }]',
  };

  it('has the port, path and variables that are named', async () => {
    const { stdout, record, outputs } = await build(
      { 'app/serve.py': server, 'app/requirements.txt': '' },
      {
        ...{ ...inputs, 'working-directory': 'app', include: 'serve.py' },
      },
    );
    expect(stdout).toMatch(/^FROM python:3\.11-slim/m);
    expect(record?.images[0]?.smoke).toMatchObject([{ request: 'GET /label', passed: true }]);
    expect(await readFile(outputs.dockerfile ?? '', 'utf8')).toContain('9123');
  });

  it('has no more memory than it may', async () => {
    const root = await rig.project(fresh(), { 'serve.py': server, 'requirements.txt': '' });
    const result = await rig.run(root, {
      ...{ ...inputs, images: rig.image('hoards'), tags: 'v1', 'smoke-memory': '64 MB' },
      'smoke-env': 'LABEL=benign\nHOARD=200000000',
    });
    expect(messagesOf(result, 'error').join()).toMatch(/memory/i);
    await expect(inRegistry(rig.image('hoards:v1'))).rejects.toThrow();
  });
});

describe('the proof', () => {
  it('has the bill of materials as CycloneDX, signed with a key that has a password', async () => {
    const { privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: {
        type: 'pkcs8',
        format: 'pem',
        cipher: 'aes-256-cbc',
        passphrase: 'pass-of-the-key',
      },
    });
    const given = { sbom: true, sign: 'key', 'signing-key': privateKey };
    const result = await build(copied, {
      ...{ ...given, 'signing-key-password': 'pass-of-the-key', cyclonedx: true },
    });
    const predicates = result.record?.images[0]?.attestations.map(({ predicateType }) => predicateType) ?? [];
    expect(predicates.join()).toMatch(/cyclonedx/i);
    const bill = JSON.parse(await readFile(result.outputs['sbom-path'] ?? '', 'utf8'));
    expect(bill.bomFormat).toBe('CycloneDX');
    const locked = await rig.run(result.root, {
      ...{ ...given, images: rig.image(result.name), tags: 'v1', 'signing-key-password': 'wrong' },
    });
    expect(messagesOf(locked, 'error').join()).toMatch(/signing-key-password|password/);
    expect(locked.stdout.replace(/^::add-mask::.*$/gm, '')).not.toContain('pass-of-the-key');
  });
});

describe('a job that is cancelled', () => {
  it('leaves neither buildx nor folders behind', async () => {
    const name = fresh();
    const root = await rig.project(name, {
      Dockerfile: `${tools}\nRUN --mount=type=secret,id=token sleep 600\n`,
    });
    const stop = new AbortController();
    const running = rig.run(
      root,
      { images: rig.image(name), tags: 'v1', secrets: 'token=secret-value', 'build-args': 'X=1' },
      { signal: stop.signal },
    );
    await waitFor(async () => (await processes('sleep 600')).length > 0 || undefined, {
      ...{ what: 'the instruction that takes long', deadlineMs: 60_000, everyMs: 50 },
    });
    stop.abort();
    const result = await running;
    expect(result.exitCode).not.toBe(0);
    expect(await processes(`buildx build.*${name}`)).toEqual([]);
    const left = await readdir(result.runner.temp);
    expect(left.filter((folder) => /^mlops-(?:build|secrets)/.test(folder))).toEqual([]);
    await waitFor(async () => (await processes('sleep 600')).length === 0 || undefined, {
      ...{ what: 'the end of the instruction', deadlineMs: 20_000, everyMs: 50 },
    });
  });
});

/** Command lines of this machine that match. */
async function processes(pattern: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
  return lines.map((line) => line.replaceAll('\0', ' ')).filter((line) => new RegExp(pattern).test(line));
}

/** An image that says of itself that it is large. */
async function publishLarge(reference: string): Promise<void> {
  const { repository, target } = connect(parseReference(reference));
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux' }));
  await pushBlob(repository, { digest: digestOf(config), size: config.length }, bytesSource(config));
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const described = (type: string, size: number) => ({
    ...{ mediaType: `application/vnd.oci.image.${type}`, digest: digestOf(config), size },
  });
  const manifest = {
    ...{ schemaVersion: 2, mediaType, config: described('config.v1+json', config.length) },
    layers: [described('layer.v1.tar+gzip', 600e6)],
  };
  await putManifest(repository, { mediaType, bytes: Buffer.from(JSON.stringify(manifest)), target });
}
