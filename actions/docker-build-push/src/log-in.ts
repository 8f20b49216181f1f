import { annotate, mask, messageOf, saveState, UserError } from '@mlops/core';
import { dockerCredentials, parseReference } from '@mlops/oci';
import type { LoginRequest } from './login/index.ts';
import type { ActionContext, Inputs } from './request.ts';

/** Logs in to the registries that the inputs name, and to GitHub's for a push there; the post step gives back what was there before. */
export async function logIn(inputs: Inputs, { github, signal }: ActionContext): Promise<void> {
  for (const { password } of inputs.logins) if (password) mask(password);
  const given = requestsOf(inputs);
  const requests = [...given, ...(await impliedBy(inputs, given, process.env))];
  if (requests.length === 0) return;
  const { login } = await import('./login/index.ts');
  const { state } = await login(requests, {
    ...{
      env: process.env,
      github: { actor: github.actor, token: inputs.githubToken },
      temp: github.temp,
      signal,
    },
    log: console.log,
  });
  if (inputs.logout) saveState('logins', state);
}

const githubRegistry = 'ghcr.io';

/**
 * The login to GitHub's registry with the job's token, for a push there of which nothing is said and for which no
 * earlier step logged in.
 */
export async function impliedBy(
  inputs: Pick<Inputs, 'command' | 'call' | 'push' | 'images' | 'tags' | 'modelImage' | 'githubToken'>,
  given: readonly LoginRequest[],
  env: NodeJS.ProcessEnv,
): Promise<LoginRequest[]> {
  const { command, call, push, images, tags, modelImage, githubToken } = inputs;
  const pushesImage = command === 'merge' || (command === 'build' && call === 'build' && push);
  const pushesModel = command === 'build' && call === 'build' && modelImage;
  const names = [...(pushesImage ? [...images, ...tags] : []), ...(pushesModel ? [modelImage] : [])];
  const isNamed = names.some((name) => name.replace(/^name=/, '').startsWith(`${githubRegistry}/`));
  if (!githubToken || !isNamed) return [];
  if (given.some(({ registry }) => hostOf(registry) === githubRegistry)) return [];
  try {
    if (await dockerCredentials(env)(githubRegistry)) return [];
  } catch (error) {
    annotate('notice', `Whether there is a login to ${githubRegistry} is not known: ${messageOf(error)}`);
    return [];
  }
  return [{ registry: githubRegistry }];
}

function hostOf(registry: string): string {
  return registry
    .trim()
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .toLowerCase();
}

/** @throws UserError where half of a login is missing */
export function requestsOf({
  logins,
  username,
  password,
  images,
  tags,
}: Pick<Inputs, 'logins' | 'username' | 'password' | 'images' | 'tags'>): LoginRequest[] {
  const listed = logins.map((one) => ({
    ...one,
    workloadIdentityProvider: one['workload-identity-provider'],
    serviceAccount: one['service-account'],
    clientId: one['client-id'],
    tenantId: one['tenant-id'],
  }));
  if (!username && !password) return listed;
  if (!username || !password)
    throw new UserError(`'${username ? 'password' : 'username'}' is missing for the login`, {
      advice: 'Set both, or neither.',
    });
  const [first] = [...images, ...tags.filter((tag) => tag.includes('/'))];
  if (first === undefined)
    throw new UserError("'username' and 'password' are for the registry of the image, which has no name", {
      advice: "Name the image ('images'), or the registry ('logins').",
    });
  const name = first.replace(/^name=/, '').split(',')[0] ?? first;
  return [...listed, { registry: parseReference(name).registry, username, password }];
}
