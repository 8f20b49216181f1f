import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { messageOf, UserError } from '@mlops/core';
import { command } from '@mlops/core/process';
import * as z from 'zod';

/** What a registry knows a user by. An identity token is exchanged for short-lived ones at the registry's token server. */
export type Credentials = { username: string; password: string } | { identityToken: string };

/** Finds the credentials for a registry, `docker.io` or `host[:port]`; undefined for none. */
export type CredentialSource = (registry: string) => Promise<Credentials | undefined>;

const configSchema = z.looseObject({
  auths: z
    .record(
      z.string(),
      z.looseObject({
        auth: z.string().optional(),
        username: z.string().optional(),
        password: z.string().optional(),
        identitytoken: z.string().optional(),
      }),
    )
    .optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});
type Config = z.infer<typeof configSchema>;
type Entry = NonNullable<Config['auths']>[string];

/** What the Docker command line calls Docker Hub. */
const dockerHubKey = 'https://index.docker.io/v1/';

/**
 * The credentials that `docker login` left: those of `auths`, or what the registry's own helper or the general one
 * answers, in `$DOCKER_CONFIG/config.json`, otherwise `~/.docker/config.json`.
 *
 * @throws UserError when the file cannot be read, or a helper fails
 */
export function dockerCredentials(env: NodeJS.ProcessEnv = process.env): CredentialSource {
  const file = join(env.DOCKER_CONFIG ?? join(env.HOME ?? homedir(), '.docker'), 'config.json');
  let config: Promise<Config> | undefined;
  return async (registry) => {
    config ??= readConfig(file);
    const { auths = {}, credHelpers = {}, credsStore } = await config;
    const own = keyFor(Object.keys(credHelpers), registry);
    const helper = own === undefined ? credsStore : credHelpers[own];
    const key = keyFor(Object.keys(auths), registry);
    const stored = key === undefined ? undefined : fromEntry(auths[key] ?? {}, file);
    if (!helper) return stored;
    const asked = own ?? (registry === 'docker.io' ? dockerHubKey : registry);
    return (await askHelper(helper, asked, env)) ?? stored;
  };
}

async function readConfig(file: string): Promise<Config> {
  try {
    return configSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    // The parser's own words quote the text, secrets and all.
    const reason = (error as NodeJS.ErrnoException).code ?? 'it is not the JSON that Docker writes';
    throw new UserError(`the credentials of registries cannot be read: ${reason}`, {
      file,
      advice: 'Log in again with docker login, or mend or remove the file.',
    });
  }
}

/** Keys may be addresses; one that names another port or another host is for somebody else. */
function keyFor(keys: readonly string[], registry: string): string | undefined {
  const wanted = registry === 'docker.io' ? ['index.docker.io', 'docker.io'] : [registry];
  return keys.find((key) => wanted.includes(key.replace(/^https?:\/\//, '').replace(/\/.*$/, '')));
}

function fromEntry(
  { auth, username, password, identitytoken }: Entry,
  file: string,
): Credentials | undefined {
  if (identitytoken) return { identityToken: identitytoken };
  if (username && password) return { username, password };
  if (!auth) return undefined;
  const text = Buffer.from(auth, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon > 0) return { username: text.slice(0, colon), password: text.slice(colon + 1) };
  throw new UserError("an 'auth' is not the base64 of user:password", {
    file,
    advice: 'Log in again with docker login.',
  });
}

/** The protocol of docker-credential-helpers: the server's name on standard input, JSON on standard output. */
async function askHelper(
  helper: string,
  server: string,
  env: NodeJS.ProcessEnv,
): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  const failed = (reason: string) =>
    new UserError(`${program} did not give the credentials for ${server}: ${reason}`, {
      advice: 'Log in again, or take the helper out of the config.json of Docker.',
    });
  const answer = await command(program, ['get'], { input: server, env, tolerate: true }).catch(
    (error: unknown) => {
      throw failed(messageOf(error));
    },
  );
  // The protocol has an error of its own for this, told apart by its words only.
  if (answer.exitCode !== 0 && /not found/i.test(answer.stdout)) return undefined;
  if (answer.exitCode !== 0) throw failed(`it ended with exit code ${answer.exitCode}`);
  const parsed = z.safeParse(
    z.looseObject({ Username: z.string(), Secret: z.string() }),
    jsonOrNothing(answer.stdout),
  );
  if (!parsed.success) throw failed('it answered something else than the protocol says');
  const { Username: username, Secret: password } = parsed.data;
  return username === '<token>' ? { identityToken: password } : { username, password };
}

function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
