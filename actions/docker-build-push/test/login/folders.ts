import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';

/** Folders of one test: one for Docker's configuration, one for the job, and an environment that names the first. */
export interface Folders {
  root: string;
  config: string;
  temp: string;
  env: NodeJS.ProcessEnv;
}

const roots: string[] = [];
afterEach(async () => {
  for (const root of roots.splice(0)) await rm(root, { recursive: true, force: true });
});

/** Makes them; they are removed after the test. */
export async function folders(): Promise<Folders> {
  const root = await mkdtemp(join(tmpdir(), 'docker-login-'));
  roots.push(root);
  const temp = join(root, 'temp');
  await mkdir(temp);
  const docker = join(root, 'docker');
  return {
    root,
    temp,
    config: join(docker, 'config.json'),
    env: { PATH: process.env.PATH, DOCKER_CONFIG: docker },
  };
}
