import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { impliedBy, requestsOf } from '../src/log-in.ts';

const nothing = { logins: [], username: undefined, password: undefined, images: [], tags: [] };

describe('the logins that inputs ask for', () => {
  it('are those of the list, and the one of user and password for the first image', () => {
    const login = { registry: 'other.example.com', 'client-id': 'app' };
    const user = { username: 'octocat', password: 'secret' };
    expect(
      requestsOf({ ...nothing, ...user, logins: [login], images: ['name=ghcr.io/acme/tumor,enable=true'] }),
    ).toMatchObject([
      { registry: 'other.example.com', clientId: 'app' },
      { registry: 'ghcr.io', username: 'octocat', password: 'secret' },
    ]);
    expect(requestsOf({ ...nothing, ...user, tags: ['latest', 'localhost:5000/tumor:1'] })).toMatchObject([
      { registry: 'localhost:5000' },
    ]);
    expect(requestsOf({ ...nothing, ...user, images: ['acme/tumor'] })).toMatchObject([
      { registry: 'docker.io' },
    ]);
  });

  it('have both halves, and a registry', () => {
    expect(() => requestsOf({ ...nothing, username: 'octocat' })).toThrow("'password' is missing");
    expect(() => requestsOf({ ...nothing, password: 'secret' })).toThrow("'username' is missing");
    expect(() => requestsOf({ ...nothing, username: 'octocat', password: 'secret' })).toThrow(/no name/);
  });
});

describe("the login to GitHub's registry", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'log-in-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const push = {
    ...{ command: 'build', call: 'build', push: true, images: ['ghcr.io/acme/tumor'], tags: [] },
    ...{ modelImage: undefined, githubToken: 'token' },
  } as const;
  type Given = Parameters<typeof impliedBy>[0];
  const registries = async (given: Partial<Given> = {}, logins: string[] = []) =>
    (
      await impliedBy(
        { ...push, images: [...push.images], tags: [], ...given } as Given,
        logins.map((registry) => ({ registry })),
        { DOCKER_CONFIG: folder },
      )
    ).map(({ registry }) => registry);

  it('goes without saying for whoever pushes there', async () => {
    expect(await registries()).toEqual(['ghcr.io']);
    expect(await registries({ command: 'merge', images: ['name=ghcr.io/acme/tumor'] })).toEqual(['ghcr.io']);
    expect(await registries({ images: [], tags: ['ghcr.io/acme/tumor:1'] })).toEqual(['ghcr.io']);
    expect(await registries({ push: false, modelImage: 'ghcr.io/acme/model:1' })).toEqual(['ghcr.io']);
  });

  it('is not made for others, or without a token', async () => {
    for (const given of [
      ...[{ push: false }, { call: 'check' }, { command: 'verify' }, { githubToken: undefined }],
      ...[{ images: ['acme/tumor'] }, { images: ['ghcr.io.example.com/acme/tumor'] }],
    ] as Partial<Given>[])
      expect(await registries(given)).toEqual([]);
  });

  it('is left to what the inputs or an earlier step say', async () => {
    expect(await registries({}, ['https://GHCR.io/'])).toEqual([]);
    expect(await registries({}, ['docker.io'])).toEqual(['ghcr.io']);
    const config = join(folder, 'config.json');
    const auth = Buffer.from('octocat:earlier').toString('base64');
    await writeFile(config, JSON.stringify({ auths: { 'ghcr.io': { auth } } }));
    expect(await registries()).toEqual([]);
    await writeFile(config, 'no JSON');
    expect(await registries()).toEqual([]);
  });
});
