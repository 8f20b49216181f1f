import { UserError } from '@mlops/core';
import { type Cloud, type Question, textIn } from './cloud.ts';

/** Whether this job may prove who it is. */
export function hasIdentity(env: NodeJS.ProcessEnv): boolean {
  return Boolean(env.ACTIONS_ID_TOKEN_REQUEST_URL && env.ACTIONS_ID_TOKEN_REQUEST_TOKEN);
}

/**
 * The token of GitHub's OpenID Connect provider that says which workflow this is, for one audience
 * (https://docs.github.com/en/actions/reference/security/oidc).
 *
 * @throws UserError when the job has no `id-token: write`
 */
export async function identityToken(cloud: Cloud, audience: string, forWhat: string): Promise<string> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: address, ACTIONS_ID_TOKEN_REQUEST_TOKEN: token } = cloud.env;
  const advice = "Give the job 'permissions: id-token: write'; a pull request from a fork never has it.";
  if (!address || !token) throw new UserError(`${forWhat}: the workflow has no identity to show`, { advice });
  const url = new URL(address);
  url.searchParams.set('audience', audience);
  const question: Question = {
    ...{ what: "getting the workflow's identity token", method: 'GET', url, advice },
    headers: { authorization: `Bearer ${cloud.secret(token)}`, accept: 'application/json' },
  };
  return cloud.secret(textIn(await cloud.ask(question), ['value'], question));
}
