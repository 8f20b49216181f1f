import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findBuildx } from '../../src/buildx/program.ts';

let folder: string;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'program-')));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(...parts: string[]): Promise<string> {
  const path = join(folder, ...parts);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, '#!/bin/sh\n', { mode: 0o755 });
  return path;
}

const find = () =>
  findBuildx({
    ...{ DOCKER_CONFIG: join(folder, 'config'), HOME: folder },
    PATH: [join(folder, 'one'), join(folder, 'two')].join(delimiter),
  });

/** Where a machine has a plugin for all its users, that one comes before what is on PATH. */
const hasPlugin = ['lib', 'libexec'].some((name) =>
  ['/usr/local', '/usr'].some((root) => existsSync(join(root, name, 'docker/cli-plugins/docker-buildx'))),
);

describe.skipIf(process.platform === 'win32')('buildx', () => {
  it("is the user's plugin of Docker before anything else", async () => {
    await program('two', 'buildx');
    const plugin = await program('config', 'cli-plugins', 'docker-buildx');
    expect(await find()).toEqual({ program: plugin, prefix: [] });
  });

  it('is a plugin in a further folder that the configuration names', async () => {
    const plugin = await program('extra', 'docker-buildx');
    await mkdir(join(folder, 'config'));
    const config = { cliPluginsExtraDirs: [join(folder, 'extra')] };
    await writeFile(join(folder, 'config', 'config.json'), JSON.stringify(config));
    expect(await find()).toEqual({ program: plugin, prefix: [] });
  });

  it.skipIf(hasPlugin)('is a program on PATH, past links, otherwise what docker knows', async () => {
    await expect(find()).rejects.toThrow(/there is no buildx/);
    const docker = await program('one', 'docker');
    expect(await find()).toEqual({ program: docker, prefix: ['buildx'] });
    const buildx = await program('elsewhere', 'buildx-v0.38');
    await mkdir(join(folder, 'two'));
    await symlink(buildx, join(folder, 'two', 'buildx'));
    expect(await find()).toEqual({ program: buildx, prefix: [] });
  });
});
