import { mask, saveState, UserError } from '@mlops/core';
import { parseReference } from '@mlops/oci';
import type { LoginRequest } from './login/index.ts';
import type { ActionContext, Inputs } from './request.ts';

/** Logs in to the registries that the inputs name; the post step gives back what was there before. */
export async function logIn(inputs: Inputs, { github, signal }: ActionContext): Promise<void> {
  for (const { password } of inputs.logins) if (password) mask(password);
  const requests = requestsOf(inputs);
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

function requestsOf({ logins, username, password, images, tags }: Inputs): LoginRequest[] {
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
