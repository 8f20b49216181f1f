import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { throwAll, UserError } from '@mlops/core';
import { Registry } from '@mlops/oci';
import { type Cloud, type Endpoints, openCloud, type Patience } from './cloud.ts';
import { credentialsFor, type GitHubUser } from './credentials.ts';
import { type Change, type Kept, keep, takeBack } from './keep.ts';
import { type Login, type LoginRequest, type Provider, settle } from './request.ts';

/** What logging in needs of the job. */
export interface LoginContext {
  env: NodeJS.ProcessEnv;
  github: GitHubUser;
  /** A folder that lives as long as the job. */
  temp: string;
  /** Whether to speak http with registries (default: on this machine's loopback only). */
  insecure?: boolean | undefined;
  endpoints?: Endpoints;
  patience?: Patience;
  signal?: AbortSignal | undefined;
  /** Is told of what is going on, such as another try. */
  log?: (message: string) => void;
}

export interface LoggedIn {
  registries: { registry: string; username: string; provider: Provider }[];
  /** For `logout`: the path of the file that remembers what was there before, which only this user may read. */
  state: string;
}

/**
 * Logs in to registries: finds the credentials for each, has the registry check them, and keeps them where `docker
 * login` does, for Docker, Buildx and all that reads its configuration. Either every login succeeds, or nothing is
 * kept.
 *
 * @throws UserError for each login that fails
 */
export async function login(requests: readonly LoginRequest[], context: LoginContext): Promise<LoggedIn> {
  const { env, endpoints = {}, patience = {}, signal, log } = context;
  const cloud = openCloud({ env, endpoints, patience, signal });
  for (const { password } of requests) if (password) cloud.secret(password);
  const logins = settleAll(requests, env);
  const tried = await Promise.allSettled(logins.map((each) => checked(each, context, cloud)));
  signal?.throwIfAborted();
  throwAll(tried.flatMap((each) => (each.status === 'rejected' ? [asUserError(each.reason)] : [])));
  const kept = tried.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const change = await keep(kept, env, signal);
  try {
    const state = await remember(change, context.temp);
    for (const { registry, username } of kept) log?.(`Logged in to ${registry} as ${username}.`);
    const registries = logins.map(({ registry, provider }, index) => ({
      ...{ registry, provider },
      username: kept[index]?.username ?? '',
    }));
    return { registries, state };
  } catch (error) {
    await takeBack(change, env);
    throw error;
  }
}

/** Gives back what `login` found: to be called when the job ends, with its state. Does nothing a second time. */
export async function logout(state: string, env: NodeJS.ProcessEnv): Promise<void> {
  let text: string;
  try {
    text = await readFile(state, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await takeBack(JSON.parse(text) as Change, env);
  await rm(dirname(state), { recursive: true, force: true });
}

function settleAll(requests: readonly LoginRequest[], env: NodeJS.ProcessEnv): Login[] {
  const problems: UserError[] = [];
  const logins: Login[] = [];
  for (const request of requests) {
    try {
      const login = settle(request, env);
      if (logins.some(({ registry }) => registry === login.registry))
        throw new UserError(`login to ${login.registry}: it is named twice`, {
          advice: 'Docker keeps one login for each registry: leave one of them out.',
        });
      logins.push(login);
    } catch (error) {
      problems.push(asUserError(error));
    }
  }
  throwAll(problems);
  return logins;
}

async function checked(login: Login, context: LoginContext, cloud: Cloud): Promise<Kept> {
  const { registry } = login;
  const { env, insecure, patience, signal, log } = context;
  const credentials = await credentialsFor(login, context.github, cloud);
  // This is what stands in Docker's configuration, and what a registry is sent.
  cloud.secret(Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64'));
  const asked = new Registry(registry, {
    ...{ credentials, insecure, env, ...patience },
    ...(log && { onRetry: log }),
  });
  await asked.ping(signal);
  return { registry, ...credentials };
}

/** In a folder that only this user reads: it holds what was there before. */
async function remember(change: Change, temp: string): Promise<string> {
  const folder = await mkdtemp(join(temp, 'registry-logins-'));
  const file = join(folder, 'before.json');
  await writeFile(file, JSON.stringify(change), { mode: 0o600 });
  return file;
}

/** A bug of ours stays one. */
function asUserError(error: unknown): UserError {
  if (error instanceof UserError) return error;
  throw error;
}
