import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect, listTags, parseReference } from '@mlops/oci';
import { startOciRegistry } from '@mlops/testkit/oci';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inRegistry, messagesOf, type Rig, startRig } from './images.ts';

/** The action with a real BuildKit and a real registry. */

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig?.close());

const copied = { Dockerfile: 'FROM scratch\nCOPY hello /\n', hello: 'hello\n' };

describe('docker-build-push', () => {
  it('pushes an image under the tags of its rules, and says what is in the registry', async () => {
    const root = await rig.project('plain', copied);
    const result = await rig.run(root, {
      images: rig.image('plain'),
      tags: 'type=sha\ntype=raw,value=1.2.3\n',
      labels: 'team=ml',
    });
    expect(messagesOf(result, 'error')).toEqual([]);
    const { outputs } = result;
    expect(outputs['tag-names']?.split('\n').sort()).toEqual(['1.2.3', 'sha-0123456']);
    for (const tag of outputs.tags?.split('\n') ?? [])
      expect((await inRegistry(tag)).digest).toBe(outputs.digest);
    expect(result.record?.images).toMatchObject([
      { digest: outputs.digest, platforms: [{ platform: 'linux/amd64' }] },
    ]);
  });

  it('merges pushes by digest of two platforms into one image', async () => {
    const root = await rig.project('merged', copied);
    const common = { images: rig.image('merged') };
    const digests: string[] = [];
    for (const platforms of ['linux/amd64', 'linux/arm64']) {
      const result = await rig.run(root, { ...common, platforms, 'push-by-digest': true });
      expect(messagesOf(result, 'error')).toEqual([]);
      digests.push(result.outputs.digest ?? '');
    }
    expect(await listTags(connect(parseReference(rig.image('merged'))).repository)).toEqual([]);
    const merged = await rig.run(root, {
      ...common,
      command: 'merge',
      digests: digests.join('\n'),
      tags: 'v1',
    });
    expect(messagesOf(merged, 'error')).toEqual([]);
    expect(Object.keys(JSON.parse(merged.outputs['platform-digests'] ?? '{}'))).toEqual([
      'linux/amd64',
      'linux/arm64',
    ]);
    expect((await inRegistry(rig.image('merged:v1'))).digest).toBe(merged.outputs.digest);
  });

  it('does not push what is larger than its budget, and names the file', async () => {
    const root = await rig.project('large', {
      Dockerfile: 'FROM scratch\nCOPY weights.bin /model/\n',
      'weights.bin': Buffer.alloc(3_000_000, 'mlops').toString(),
    });
    const result = await rig.run(root, { images: rig.image('large'), tags: 'v1', 'size-budget': '1 kB' });
    expect(messagesOf(result, 'error').join('\n')).toMatch(/more than its budget.*\/model\/weights\.bin/);
    expect(result.outputs.digest).toBeUndefined();
    await expect(inRegistry(rig.image('large:v1'))).rejects.toThrow();
    const fits = await rig.run(root, { images: rig.image('large'), tags: 'v1', 'size-budget': '1 MB' });
    expect(messagesOf(fits, 'error')).toEqual([]);
    expect((await inRegistry(rig.image('large:v1'))).digest).toBe(fits.outputs.digest);
  });
});

const server = [
  'import http.server, json, os, sys',
  'class Handler(http.server.BaseHTTPRequestHandler):',
  '    def reply(self, body):',
  '        self.send_response(200)',
  "        self.send_header('content-type', 'application/json')",
  '        self.end_headers()',
  '        self.wfile.write(json.dumps(body).encode())',
  '    def do_GET(self):',
  "        self.reply({'status': 'ok'})",
  '    def do_POST(self):',
  "        self.rfile.read(int(self.headers['content-length']))",
  "        self.reply({'label': open('model/label.txt').read().strip()})",
  "print('loading the model', flush=True)",
  "http.server.HTTPServer((os.environ['HOST'], int(os.environ['PORT'])), Handler).serve_forever()",
  '',
].join('\n');
const service = { 'serve.py': server, 'model/label.txt': 'benign\n', 'requirements.txt': '' };

describe('a service without a Dockerfile', () => {
  const inputs = {
    ...{ serve: 'python serve.py', model: 'model', 'python-version': '3.11', 'health-timeout': '60s' },
    smoke: '[{ path: /predict, json: { x: 1 }, expect: { json: { label: benign } } }]',
  };

  it('gets one, and is asked for a prediction before it is pushed', async () => {
    const root = await rig.project('service', service);
    const result = await rig.run(root, { ...inputs, images: rig.image('service'), tags: 'v1' });
    expect(messagesOf(result, 'error')).toEqual([]);
    expect((await inRegistry(rig.image('service:v1'))).digest).toBe(result.outputs.digest);
    expect(result.record?.images[0]?.smoke).toMatchObject([
      { request: 'POST /predict', status: 200, passed: true },
    ]);
    expect(result.summary).toContain('POST /predict');
  });

  it('is not pushed when it answers something else', async () => {
    const root = await rig.project('wrong', { ...service, 'model/label.txt': 'malignant\n' });
    const result = await rig.run(root, { ...inputs, images: rig.image('wrong'), tags: 'v1' });
    expect(messagesOf(result, 'error').join('\n')).toMatch(/benign.*malignant.*loading the model/s);
    expect(result.outputs.digest).toBeUndefined();
    await expect(inRegistry(rig.image('wrong:v1'))).rejects.toThrow();
  });
});

describe('the model', () => {
  it('is pushed as an artifact of its own, once', async () => {
    const root = await rig.project('model', service);
    const inputs = {
      images: rig.image('with-model'),
      tags: 'v1',
      serve: 'python serve.py',
      model: 'model',
      'python-version': '3.11',
    };
    const reference = rig.image('tumor-model:1');
    const first = await rig.run(root, { ...inputs, 'model-image': reference, 'model-delivery': 'mounted' });
    expect(messagesOf(first, 'error')).toEqual([]);
    const { json, digest } = await inRegistry(reference);
    expect(json.artifactType).toBe('application/vnd.cncf.model.manifest.v1+json');
    expect(first.outputs['model-reference']).toBe(`${rig.image('tumor-model')}@${digest}`);
    const pulled = await rig.run(root, { command: 'pull-model', reference, model: 'pulled' });
    expect(messagesOf(pulled, 'error')).toEqual([]);
    expect(await readFile(join(root, 'pulled', 'label.txt'), 'utf8')).toBe('benign\n');
    const again = await rig.run(root, { ...inputs, 'model-image': reference, 'model-delivery': 'mounted' });
    expect(again.record?.modelArtifacts).toMatchObject([{ digest, sentBytes: 0 }]);
    const beside = await rig.run(root, { ...inputs, 'model-image': rig.image('with-model:weights') });
    expect(messagesOf(beside, 'error')).toEqual([]);
    const { json: artifact } = await inRegistry(rig.image('with-model:weights'));
    expect(artifact.subject.digest).toBe(beside.outputs.digest);
  });
});

describe('a model of one file', () => {
  it('is pushed without what lies beside it', async () => {
    const root = await rig.project('single', {
      ...copied,
      'model.joblib': 'weights',
      'secret.env': 'TOKEN=1',
    });
    const reference = rig.image('single-model:1');
    const result = await rig.run(root, {
      ...{ images: rig.image('single'), tags: 'v1', model: 'model.joblib', 'model-image': reference },
    });
    expect(messagesOf(result, 'error')).toEqual([]);
    const { json } = await inRegistry(reference);
    const paths = json.layers.map(
      (layer: { annotations: Record<string, string> }) => layer.annotations['org.cncf.model.filepath'],
    );
    expect(paths).toEqual(['model.joblib']);
  });
});

describe('a second image in the same job', () => {
  it('is attested by itself, and the first one not again', async () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const root = await rig.project('two', copied);
    const inputs = { tags: 'v1', sign: 'key', 'signing-key': key };
    const first = await rig.run(root, { ...inputs, images: rig.image('two-a') });
    const second = await rig.run(root, { ...inputs, images: rig.image('two-b') }, { after: first });
    expect(messagesOf(second, 'error')).toEqual([]);
    expect(second.record?.images.map(({ name, attestations }) => [name, attestations.length])).toEqual([
      [rig.image('two-a'), 1],
      [rig.image('two-b'), 1],
    ]);
  });
});

describe('the logins', () => {
  it('are those of the job, and gone after it', async () => {
    const registry = await startOciRegistry({ authenticated: true });
    try {
      const root = await rig.project('private', copied);
      const { username, password } = registry.credentials;
      const inputs = { images: `${registry.host}/private`, tags: 'v1', username, password };
      const result = await rig.run(root, inputs);
      expect(messagesOf(result, 'error')).toEqual([]);
      const config = join(rig.buildkit.env.DOCKER_CONFIG, 'config.json');
      expect(await readFile(config, 'utf8')).toContain(registry.host);
      const after = await rig.run(root, inputs, { after: result, state: result.state });
      expect(messagesOf(after, 'error')).toEqual([]);
      expect(await readFile(config, 'utf8').catch(() => '')).not.toContain(registry.host);
      expect(result.stdout).not.toContain(`:${password}@`);
    } finally {
      await registry.close();
    }
  });
});

describe('the proof', () => {
  it('is made with a key and holds, until somebody else is to have signed it', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const pem = (key: KeyObject, type: 'pkcs8' | 'spki') => key.export({ type, format: 'pem' }).toString();
    const root = await rig.project('proven', copied);
    const result = await rig.run(root, {
      ...{ images: rig.image('proven'), tags: 'v1', sbom: true },
      ...{ sign: 'key', 'signing-key': pem(privateKey, 'pkcs8') },
    });
    expect(messagesOf(result, 'error')).toEqual([]);
    const attested = JSON.parse(result.outputs.attestations ?? '[]');
    expect(attested).toMatchObject([{ signed: 'key' }]);
    const verify = (key: KeyObject) =>
      rig.run(root, {
        ...{ command: 'verify', reference: rig.image('proven:v1'), 'public-key': pem(key, 'spki') },
        'verify-expect': '{ verdicts: [none], allow-dirty: true }',
      });
    const holds = await verify(publicKey);
    expect(messagesOf(holds, 'error')).toEqual([]);
    expect(holds.outputs.verified).toBe('true');
    const other = await verify(generateKeyPairSync('ed25519').publicKey);
    expect(messagesOf(other, 'error').join('\n')).toMatch(/does not hold/);
    expect(other.outputs.verified).toBe('false');
  });
});
