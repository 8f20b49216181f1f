import { UserError } from '@mlops/core';
import { type Cloud, type Question, textIn } from './cloud.ts';
import { identityToken } from './identity.ts';
import type { Login } from './request.ts';

const scope = 'https://www.googleapis.com/auth/cloud-platform';

/** User and password for a registry of Google, by the workflow's identity; valid for an hour. */
export async function googleCredentials(
  login: Login,
  cloud: Cloud,
): Promise<{ username: string; password: string }> {
  const federated = await federatedToken(login, cloud);
  const password = login.serviceAccount
    ? await impersonate(login.serviceAccount, federated, cloud)
    : federated;
  return { username: 'oauth2accesstoken', password };
}

const form = /^projects\/[^/]+\/locations\/[^/]+\/workloadIdentityPools\/[^/]+\/providers\/[^/]+$/;

/** https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token */
async function federatedToken({ registry, workloadIdentityProvider }: Login, cloud: Cloud): Promise<string> {
  const advice =
    'Name it projects/<number>/locations/global/workloadIdentityPools/<pool>/providers/<provider>, or give the user _json_key with the key of a service account as the password.';
  if (!workloadIdentityProvider)
    throw new UserError(
      `login to ${registry}: there are neither credentials nor a workload identity provider`,
      {
        advice,
      },
    );
  const provider = workloadIdentityProvider.replace(/^(?:https:)?\/\/iam\.[^/]+\//, '');
  if (!form.test(provider))
    throw new UserError(
      `login to ${registry}: '${workloadIdentityProvider}' is no workload identity provider`,
      {
        advice,
      },
    );
  const domain = domainOf(cloud);
  const subjectToken = await identityToken(
    cloud,
    `https://iam.${domain}/${provider}`,
    `login to ${registry}`,
  );
  const question: Question = {
    what: `getting a token of Google for ${registry}`,
    url: new URL('/v1/token', cloud.endpoints.googleSts ?? `https://sts.${domain}`),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      audience: `//iam.${domain}/${provider}`,
      grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
      requestedTokenType: 'urn:ietf:params:oauth:token-type:access_token',
      scope,
      subjectTokenType: 'urn:ietf:params:oauth:token-type:jwt',
      subjectToken,
    }),
    advice:
      "Check the provider's name, its issuer https://token.actions.githubusercontent.com and its attribute condition.",
  };
  return cloud.secret(textIn(await cloud.ask(question), ['access_token'], question));
}

/** https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken */
async function impersonate(account: string, token: string, cloud: Cloud): Promise<string> {
  const path = `/v1/projects/-/serviceAccounts/${encodeURIComponent(account)}:generateAccessToken`;
  const question: Question = {
    what: `impersonating ${account}`,
    url: new URL(path, cloud.endpoints.googleIam ?? `https://iamcredentials.${domainOf(cloud)}`),
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ scope: [scope], lifetime: '3600s' }),
    advice: `Give the workflow's identity the role roles/iam.workloadIdentityUser on ${account}, and enable the IAM Service Account Credentials API.`,
  };
  return cloud.secret(textIn(await cloud.ask(question), ['accessToken'], question));
}

function domainOf({ env }: Cloud): string {
  return env.GOOGLE_CLOUD_UNIVERSE_DOMAIN || 'googleapis.com';
}
