import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '@mlops/core/process';
import { startOciRegistry } from '@mlops/testkit/oci';
import type { ActionResult } from '@mlops/testkit/runner-files';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { inRegistry, messagesOf, type Rig, startRig } from './images.ts';

/** Each failure ends with an error that says what to do, or with success after another try; never with a wrong output. */

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterEach(() => rig?.proxy.clear());
afterAll(() => rig?.close());

const copied = { Dockerfile: 'FROM scratch\nCOPY hello /\n', hello: 'hello\n' };
let count = 0;
const fresh = () => `case-${++count}`;

/** Runs the action on a project of its own; `proxied` images go through the proxy. */
async function build(
  files: Record<string, string | Buffer>,
  inputs: Record<string, string | number | boolean> = {},
  options: Parameters<Rig['run']>[2] & { direct?: boolean } = {},
): Promise<ActionResult & { name: string }> {
  const name = fresh();
  const root = await rig.project(name, files);
  const image = options.direct ? rig.image(name) : rig.proxied(name);
  const result = await rig.run(root, { images: image, tags: 'v1', attempts: 2, ...inputs }, options);
  return { ...result, name };
}

function expectRefusal(result: ActionResult, ...said: RegExp[]): void {
  const errors = messagesOf(result, 'error').join('\n');
  for (const pattern of said) expect(errors).toMatch(pattern);
  expect(errors).not.toMatch(/This is a bug in/);
  expect(result.exitCode).toBe(1);
  for (const output of ['digest', 'image', 'platform-digests'])
    expect(result.outputs[output]).toBeUndefined();
  expect(result.record?.images ?? []).toEqual([]);
}

async function expectPushed(result: ActionResult & { name: string }): Promise<void> {
  expect(messagesOf(result, 'error')).toEqual([]);
  expect((await inRegistry(rig.image(`${result.name}:v1`))).digest).toBe(result.outputs.digest);
}

const errorPlace = ({ annotations }: ActionResult) => {
  const found = annotations.find(({ level }) => level === 'error');
  return { file: found?.file, line: found?.line };
};

describe('the Dockerfile', () => {
  it('has an instruction that does not exist', async () => {
    const result = await build({ Dockerfile: 'FROM scratch\nCOPPY hello /\n' });
    expectRefusal(result, /cannot be read: unknown instruction: COPPY/);
    expect(errorPlace(result)).toEqual({ file: 'Dockerfile', line: 2 });
  });

  it('has a command that fails', async () => {
    const result = await build({
      Dockerfile:
        'FROM python:3.11-slim\nRUN python3 -c "import sys; print(\'about to fail\'); sys.exit(3)"\n',
    });
    expectRefusal(result, /failed with exit code 3/, /about to fail/, />>> RUN python3/);
    expect(errorPlace(result)).toEqual({ file: 'Dockerfile', line: 2 });
  });

  it('has a command that runs out of memory', async () => {
    const result = await build({ Dockerfile: "FROM python:3.11-slim\nRUN sh -c 'kill -9 $$'\n" });
    expectRefusal(result, /was killed \(exit code 137\), most likely since memory ran out/);
  });

  it('copies what is not there', async () => {
    const result = await build({ Dockerfile: 'FROM scratch\nCOPY model.joblib /\n' });
    expectRefusal(result, /'\/model\.joblib' is not in the build context/, /\.dockerignore/);
    expect(errorPlace(result)).toEqual({ file: 'Dockerfile', line: 2 });
  });

  it('starts from an image that does not exist', async () => {
    const result = await build({ Dockerfile: `FROM ${rig.image('no-such-base')}:1\nRUN true\n` });
    expectRefusal(result, /no-such-base:1' does not exist/);
  });

  it('lacks the stage', async () => {
    expectRefusal(await build(copied, { target: 'serving' }), /has no stage 'serving'/);
  });

  it('needs a secret that is not given', async () => {
    const result = await build({
      Dockerfile:
        'FROM python:3.11-slim\nRUN --mount=type=secret,id=token,required=true cat /run/secrets/token\n',
    });
    expectRefusal(result, /needs the secret 'token'/, /secret-envs/);
  });

  it('is not there', async () => {
    expectRefusal(await build({ 'serve.py': '' }), /no Dockerfile in/, /serve: python serve\.py/);
    expectRefusal(await build(copied, { file: 'docker/Dockerfile' }), /no Dockerfile 'docker\/Dockerfile'/);
  });
});

describe('the inputs', () => {
  it('name a context that is not there', async () => {
    expectRefusal(await build(copied, { context: 'service' }), /build context 'service' does not exist/);
  });

  it('name the image as registries do not', async () => {
    expectRefusal(await build(copied, { images: 'ghcr.io/acme/mo del' }), /ghcr\.io\/acme\/mo del/);
    expectRefusal(await build(copied, { images: '', tags: `${rig.image('Upper')}:1` }), /lower case/);
    expectRefusal(await build(copied, { images: '', tags: '' }), /no name to be pushed under/);
  });

  it('have a rule for tags that does not exist', async () => {
    expectRefusal(await build(copied, { tags: 'type=semvar,pattern={{version}}' }), /semvar/, /semver/);
  });

  it('want two platforms where one is taken', async () => {
    const platforms = 'linux/amd64,linux/arm64';
    expectRefusal(await build(copied, { profile: 'lambda', platforms }), /takes one platform/);
    expectRefusal(await build(copied, { load: true, platforms }), /'load' takes one platform/);
  });

  it('name secrets that are not there', async () => {
    expectRefusal(
      await build(copied, { 'secret-envs': 'token=NO_SUCH_TOKEN' }),
      /NO_SUCH_TOKEN, which is not set/,
    );
    expectRefusal(
      await build(copied, { 'secret-files': 'token=gone.txt' }),
      /'gone\.txt', which does not exist/,
    );
    expectRefusal(await build(copied, { secrets: 'token' }), /is not 'id=…'/);
  });

  it('name a builder that does not exist', async () => {
    expectRefusal(await build(copied, { builder: 'gone' }), /no builder named 'gone'/);
  });

  it('name a BuildKit that does not answer', async () => {
    const endpoint = `unix://${join(rig.folder, 'nobody.sock')}`;
    const result = await build(copied, { driver: 'remote', endpoint, timeout: '60s' });
    expectRefusal(result, /driver 'remote' at unix:.*could not be made ready/);
  });

  it('leave too little time', async () => {
    const result = await build({ Dockerfile: 'FROM python:3.11-slim\nRUN sleep 60\n' }, { timeout: '3s' });
    expectRefusal(result, /not done within 0\.05 minutes/);
  });

  it('name a package that is damaged', async () => {
    expectRefusal(
      await build({ 'model.tar': 'no tar' }, { package: 'model.tar' }),
      /package .* cannot be used/,
    );
  });

  it('name definitions for bake that cannot be read', async () => {
    expectRefusal(await build({ 'bake.hcl': 'target "a" {' }, { 'bake-files': 'bake.hcl' }), /bake\.hcl/);
  });

  it('ask to merge what nobody pushed, or two of one platform', async () => {
    expectRefusal(await build({}, { command: 'merge' }), /nothing to merge/);
    const one = await build(copied, { 'push-by-digest': true }, { direct: true });
    const other = await rig.project(one.name, { hello: 'other\n' });
    const two = await rig.run(other, { images: rig.image(one.name), 'push-by-digest': true });
    const digests = `${one.outputs.digest}\n${two.outputs.digest}`;
    const merged = await rig.run(other, {
      command: 'merge',
      images: rig.image(one.name),
      tags: 'v1',
      digests,
    });
    expectRefusal(merged, /two images of .* are for linux\/amd64/);
  });

  it('come to a machine without buildx', async () => {
    const path = await mkdtemp(join(tmpdir(), 'no-buildx-'));
    await symlink(process.execPath, join(path, 'node'));
    const env = { PATH: path, DOCKER_CONFIG: path };
    expectRefusal(await build(copied, {}, { env }), /there is no buildx/, /buildx-version/);
    await rm(path, { recursive: true });
  });
});

const upload = ({ method, path }: { method: string; path: string }) =>
  method !== 'GET' && /uploads/.test(path);
const manifestOf = (wanted: string) => {
  return ({ method, path }: { method: string; path: string }) =>
    method === wanted && /\/manifests\//.test(path);
};
const answer = (status: number, code = '', message = code) => ({
  ...{ kind: 'answer' as const, status, headers: { 'content-type': 'application/json' } },
  body: JSON.stringify({ errors: [{ code, message }] }),
});
const always = 1000;

describe('the registry', () => {
  it('does not know who asks', async () => {
    const registry = await startOciRegistry({ authenticated: true });
    try {
      const result = await build(copied, { images: `${registry.host}/private` });
      expectRefusal(result, /does not know who asks \(401\)/, /logins/);
    } finally {
      await registry.close();
    }
  });

  it('does not allow it', async () => {
    rig.proxy.inject(answer(403, 'DENIED', 'requested access to the resource is denied'), upload);
    expectRefusal(await build(copied), /does not allow it \(403\)/, /packages: write/);
  });

  it('has no room left', async () => {
    rig.proxy.inject(answer(403, 'DENIED', 'storage quota exceeded'), upload);
    expectRefusal(await build(copied), /no room for this image: .*quota exceeded/);
  });

  it('refuses large layers', async () => {
    rig.proxy.inject(answer(413, 'UNKNOWN', 'Request Entity Too Large'), upload, always);
    expectRefusal(await build(copied), /refuses a layer that large \(413\)/);
  });

  it('limits how often it is asked, for a while', async () => {
    rig.proxy.inject(answer(429, 'TOOMANYREQUESTS', 'retry later'), upload, 1);
    await expectPushed(await build(copied));
  });

  it('limits how often it is asked, for good', async () => {
    rig.proxy.inject(answer(429, 'TOOMANYREQUESTS', 'retry later'), upload, always);
    expectRefusal(await build(copied), /limits how often it is asked/, /tried 2 times/);
  });

  it('fails for a while', async () => {
    rig.proxy.inject(answer(503), manifestOf('PUT'), 1);
    await expectPushed(await build(copied));
  });

  it('fails for good', async () => {
    rig.proxy.inject(answer(503), manifestOf('PUT'), always);
    expectRefusal(await build(copied), /the registry .*failed: .*503/, /tried 2 times/);
  });

  it('breaks the connection in the middle of a layer of 200 MB', async () => {
    const large = { ...copied, Dockerfile: 'FROM scratch\nCOPY weights /\n', weights: randomBytes(200e6) };
    rig.proxy.inject({ kind: 'cut-request', after: 100e6 }, upload, 1);
    await expectPushed(await build(large));
    rig.proxy.inject({ kind: 'cut-request', after: 100e6 }, upload, 1);
    await expectPushed(await build({ ...large, weights: randomBytes(200e6) }, { 'size-budget': '1 GB' }));
  });

  it('cannot be reached', async () => {
    const registry = await startOciRegistry();
    await registry.close();
    const result = await build(copied, { images: `${registry.host}/gone` });
    expectRefusal(result, /the network failed: .*connection refused/, /tried 2 times/);
  });

  it('has something else under the tag than what was pushed', async () => {
    const other = await build({ ...copied, hello: 'other\n' }, {}, { direct: true });
    const { bytes } = await manifestBytes(rig.image(`${other.name}:v1`));
    const alter = ({ headers }: { headers: Record<string, unknown> }) => {
      headers['docker-content-digest'] = other.outputs.digest;
      return bytes;
    };
    rig.proxy.inject({ kind: 'alter', alter }, manifestOf('GET'), always);
    expectRefusal(await build(copied), /is sha256:.* in the registry, but sha256:.* was pushed/);
  });

  it('gives bytes that are not those of their digest', async () => {
    const alter = ({ body }: { body: Buffer }) => Buffer.from(body.toString().replace('"size"', '"siZe"'));
    rig.proxy.inject({ kind: 'alter', alter }, manifestOf('GET'), always);
    expectRefusal(await build(copied), /sha256:/);
  });

  it('loses what was pushed', async () => {
    rig.proxy.inject(answer(404, 'MANIFEST_UNKNOWN'), manifestOf('GET'), always);
    expectRefusal(await build(copied), /was pushed, but the registry does not have it/);
  });

  it('does not take a cache, which does not fail the image', async () => {
    const isCache = ({ method, path }: { method: string; path: string }) =>
      method === 'PUT' && /manifests\/cache/.test(path);
    rig.proxy.inject(answer(403, 'DENIED', 'no caches here'), isCache, always);
    const ref = rig.proxied('caches:cache');
    const result = await build(copied, {
      'cache-to': `type=registry,ref=${ref},mode=max`,
      'cache-from': `type=registry,ref=${ref}`,
    });
    await expectPushed(result);
    expect(messagesOf(result, 'warning').join()).toMatch(/cache could not be written/);
    expect(result.outputs['cache-exported']).toBe('false');
  });
});

describe('the disk', () => {
  it('is full', async () => {
    const small = join(rig.folder, 'small');
    await mkdir(small);
    await command('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', small]);
    try {
      const files = { Dockerfile: 'FROM scratch\nCOPY weights /\n', weights: randomBytes(20e6) };
      const result = await build(files, { 'size-budget': '1 GB' }, { env: { RUNNER_TEMP: small } });
      expectRefusal(result, /disk became full/, /reclaim-disk/);
    } finally {
      await command('umount', ['--lazy', small]);
    }
  });
});

describe('the image', () => {
  it('is larger than its budget', async () => {
    const files = { Dockerfile: 'FROM scratch\nCOPY weights /model/\n', weights: randomBytes(3e6) };
    const result = await build(files, { 'size-budget': '1 MB' });
    expectRefusal(result, /more than its budget of 1\.0 MB/, /\/model\/weights \(3\.0 MB\)/);
    await expect(inRegistry(rig.image(`${result.name}:v1`))).rejects.toThrow();
  });
});

async function manifestBytes(reference: string) {
  const { json, ...descriptor } = await inRegistry(reference);
  const { connect, getManifest, parseReference } = await import('@mlops/oci');
  const { repository, target } = connect(parseReference(reference));
  return { ...descriptor, json, bytes: (await getManifest(repository, target)).bytes };
}
