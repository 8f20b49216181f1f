import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { dockerCredentials } from '../src/index.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oci-credentials-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const base64 = (text: string) => Buffer.from(text).toString('base64');
const posix = process.platform !== 'win32';

async function configured(config: unknown) {
  await writeFile(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  return dockerCredentials({
    ...process.env,
    DOCKER_CONFIG: folder,
    PATH: folder + delimiter + process.env.PATH,
  });
}

async function helper(name: string, script: string): Promise<void> {
  const file = join(folder, `docker-credential-${name}`);
  await writeFile(file, `#!/bin/sh\nread server\n${script}\n`);
  await chmod(file, 0o755);
}

it('has none without a configuration', async () => {
  expect(await dockerCredentials({ DOCKER_CONFIG: join(folder, 'none') })('ghcr.io')).toBeUndefined();
});

it('gives a registry its own entry, however docker login wrote its name', async () => {
  const find = await configured({
    auths: {
      'ghcr.io': { auth: base64('ada:pass:word') },
      'https://index.docker.io/v1/': { username: 'hub', password: 'secret' },
      'http://localhost:5000/v2/': { identitytoken: 'refresh' },
      'empty.io': {},
    },
  });
  expect(await find('ghcr.io')).toEqual({ username: 'ada', password: 'pass:word' });
  expect(await find('docker.io')).toEqual({ username: 'hub', password: 'secret' });
  expect(await find('localhost:5000')).toEqual({ identityToken: 'refresh' });
});

it('gives nobody what is for another host or port', async () => {
  const find = await configured({
    auths: { 'ghcr.io': { auth: base64('a:b') }, 'localhost:5000': { auth: base64('a:b') } },
  });
  for (const other of [
    'ghcr.io:8443',
    'evil-ghcr.io',
    'ghcr.io.evil.com',
    'localhost',
    'localhost:5001',
    'docker.io',
  ])
    expect(await find(other)).toBeUndefined();
});

it.runIf(posix)(
  "asks the registry's own helper before the general one, and none at all where there is none",
  async () => {
    await helper('own', 'echo "{\\"Username\\":\\"own\\",\\"Secret\\":\\"for $server\\"}"');
    await helper('all', 'echo "{\\"Username\\":\\"<token>\\",\\"Secret\\":\\"for $server\\"}"');
    await helper('none', 'echo credentials not found in native keychain; exit 1');
    const find = await configured({
      credsStore: 'all',
      credHelpers: { 'ghcr.io': 'own', 'quay.io': 'none' },
    });
    expect(await find('ghcr.io')).toEqual({ username: 'own', password: 'for ghcr.io' });
    expect(await find('docker.io')).toEqual({ identityToken: 'for https://index.docker.io/v1/' });
    expect(await find('quay.io')).toBeUndefined();
  },
);

it.runIf(posix)('names a helper that fails or is missing, without what it said', async () => {
  await helper('broken', 'echo a secret; exit 3');
  await helper('strange', 'echo not json');
  const find = await configured({ credHelpers: { 'a.io': 'broken', 'b.io': 'strange', 'c.io': 'absent' } });
  await expect(find('a.io')).rejects.toMatchObject({
    name: 'UserError',
    message: 'docker-credential-broken did not give the credentials for a.io: it ended with exit code 3',
  });
  await expect(find('b.io')).rejects.toThrow(/something else than the protocol/);
  await expect(find('c.io')).rejects.toThrow(/docker-credential-absent/);
});

it('shows nothing of a file that it cannot read', async () => {
  for (const content of ['{"auths": {"ghcr.io": {"auth": "c2VjcmV0', '{"auths": {"ghcr.io": {"auth": 5}}}']) {
    const find = await configured(content);
    const error = await find('ghcr.io').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'UserError', place: { file: join(folder, 'config.json') } });
    expect(String(error)).not.toMatch(/c2Vj|auth"/);
  }
  const find = await configured({ auths: { 'ghcr.io': { auth: base64('no colon') } } });
  await expect(find('ghcr.io')).rejects.toThrow("an 'auth' is not the base64 of user:password");
});
