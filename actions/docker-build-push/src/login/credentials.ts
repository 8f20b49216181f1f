import { UserError } from '@mlops/core';
import { amazonCredentials } from './amazon.ts';
import { azureCredentials } from './azure.ts';
import type { Cloud } from './cloud.ts';
import { googleCredentials } from './google.ts';
import type { Login } from './request.ts';

/** What a registry is shown. */
export interface UserAndPassword {
  username: string;
  password: string;
}

/** Who runs the workflow, for GitHub's own registry. */
export interface GitHubUser {
  actor: string;
  /** The job's token. */
  token?: string | undefined;
}

/**
 * The user and password for a registry: those given, or what its provider answers to the workflow's identity. All that
 * is secret is masked.
 *
 * @throws UserError when there are none
 */
export async function credentialsFor(
  login: Login,
  github: GitHubUser,
  cloud: Cloud,
): Promise<UserAndPassword> {
  const { registry, username, password, provider } = login;
  if (password) cloud.secret(password);
  const isAmazon = provider === 'ecr' || provider === 'ecr-public';
  if (isAmazon && username !== 'AWS') return amazonCredentials(login, cloud);
  if (username && password) return { username, password };
  switch (provider) {
    case 'gar':
      if (password) return keyOfServiceAccount(registry, password);
      return googleCredentials(login, cloud);
    case 'acr':
      if (!password) return azureCredentials(login, cloud);
      break;
    case 'ghcr':
      return ofGitHub(login, github, cloud);
  }
  throw new UserError(`login to ${registry}: the ${username ? 'password' : 'username'} is missing`, {
    advice: 'Give both a username and a password; the password from a secret.',
  });
}

/** A key needs no user's name: Google has one for it (https://cloud.google.com/artifact-registry/docs/docker/authentication). */
function keyOfServiceAccount(registry: string, password: string): UserAndPassword {
  if (password.trimStart().startsWith('{')) return { username: '_json_key', password };
  if (/^ewog|^eyJ0eXBl/.test(password)) return { username: '_json_key_base64', password };
  throw new UserError(`login to ${registry}: the username is missing`, {
    advice: 'Give oauth2accesstoken for an access token; the key of a service account is known by its form.',
  });
}

function ofGitHub(
  { registry, username, password }: Login,
  { actor, token }: GitHubUser,
  cloud: Cloud,
): UserAndPassword {
  const secret = password || token;
  if (secret) return { username: username || actor || 'github', password: cloud.secret(secret) };
  throw new UserError(`login to ${registry}: there is no token`, {
    advice: "Give the job's token as the password, and the job 'permissions: packages: write'.",
  });
}
