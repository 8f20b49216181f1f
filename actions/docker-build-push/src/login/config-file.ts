import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { UserError } from '@mlops/core';
import * as z from 'zod';

const schema = z.looseObject({
  auths: z.record(z.string(), z.unknown()).optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});
/** Docker's configuration, as far as it is about credentials; all else is kept as it is. */
export type DockerConfig = z.infer<typeof schema>;

/** A configuration and the file as it was; no text where there is no file. */
export interface ConfigFile {
  /** Past symbolic links. */
  path: string;
  text: string | undefined;
  mode: number | undefined;
  config: DockerConfig;
}

/** What the Docker command line calls Docker Hub. */
const dockerHubKey = 'https://index.docker.io/v1/';

/** The key of a registry in Docker's configuration, and the server's name for helpers. */
export function keyOf(registry: string): string {
  return registry === 'docker.io' ? dockerHubKey : registry;
}

/** Every key under which Docker finds a registry: addresses count by their host. */
export function keysFor(config: Record<string, unknown> | undefined, registry: string): string[] {
  const names = registry === 'docker.io' ? ['index.docker.io', 'docker.io'] : [registry];
  return Object.keys(config ?? {}).filter((key) =>
    names.includes(key.replace(/^https?:\/\//, '').replace(/\/.*$/, '')),
  );
}

/** `$DOCKER_CONFIG/config.json`, otherwise `~/.docker/config.json`. */
export function configPath(env: NodeJS.ProcessEnv): string {
  return join(env.DOCKER_CONFIG ?? join(env.HOME ?? homedir(), '.docker'), 'config.json');
}

/**
 * Reads a configuration; a file that does not exist or is empty is one without entries.
 *
 * @throws UserError when it cannot be read
 */
export async function readConfig(file: string): Promise<ConfigFile> {
  try {
    const path = await realpath(file);
    const [text, { mode }] = [await readFile(path, 'utf8'), await stat(path)];
    return { path, text, mode: mode & 0o777, config: schema.parse(text.trim() ? JSON.parse(text) : {}) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return { path: file, text: undefined, mode: undefined, config: {} };
    // The parser's own words quote the text, secrets and all.
    throw new UserError(
      `Docker's configuration cannot be read: ${code ?? 'it is not the JSON that Docker writes'}`,
      {
        file,
        advice: 'Mend or remove the file.',
      },
    );
  }
}

/** As Docker writes it. */
export function textOf(config: DockerConfig): string {
  return JSON.stringify(config, undefined, '\t');
}

/** Replaces a file at once, so that nobody reads half of it, and only its owner reads it at all. */
export async function replaceFile(path: string, text: string, mode = 0o600): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const fresh = `${path}.${randomUUID()}`;
  try {
    await writeFile(fresh, text, { mode: 0o600, flag: 'wx' });
    if (mode !== 0o600) await chmod(fresh, mode);
    await rename(fresh, path);
  } catch (cause) {
    await rm(fresh, { force: true });
    throw new UserError(`Docker's configuration cannot be written: ${(cause as Error).message}`, {
      cause,
      file: path,
      advice: 'Check that this user may write there, or name another folder in DOCKER_CONFIG.',
    });
  }
}
