import { UserError } from '@mlops/core';
import { type Cloud, form, type Question, textIn } from './cloud.ts';
import { identityToken } from './identity.ts';
import type { Login } from './request.ts';

/** The user that stands for a token (https://learn.microsoft.com/azure/container-registry/container-registry-authentication). */
const tokenUser = '00000000-0000-0000-0000-000000000000';

/** What differs between Azure's clouds. */
const clouds = {
  io: {
    authority: 'https://login.microsoftonline.com',
    audience: 'api://AzureADTokenExchange',
    resource: 'https://containerregistry.azure.net',
  },
  cn: {
    authority: 'https://login.chinacloudapi.cn',
    audience: 'api://AzureADTokenExchangeChina',
    resource: 'https://management.chinacloudapi.cn',
  },
  us: {
    authority: 'https://login.microsoftonline.us',
    audience: 'api://AzureADTokenExchangeUSGov',
    resource: 'https://management.usgovcloudapi.net',
  },
};

/** User and password for a registry of Azure, by the workflow's identity; valid for three hours. */
export async function azureCredentials(
  login: Login,
  cloud: Cloud,
): Promise<{ username: string; password: string }> {
  const { registry } = login;
  const { env } = cloud;
  const [clientId, tenantId] = [login.clientId ?? env.AZURE_CLIENT_ID, login.tenantId ?? env.AZURE_TENANT_ID];
  if (!clientId || !tenantId)
    throw new UserError(
      `login to ${registry}: there are neither credentials nor a ${clientId ? 'tenant' : 'client'} to log in as`,
      {
        advice:
          'Name the client and tenant of an application with a federated credential for this repository, or a user and password, such as those of a token of the registry.',
      },
    );
  const access = await accessToken({ registry, clientId, tenantId }, cloud);
  return { username: tokenUser, password: await refreshToken(registry, tenantId, access, cloud) };
}

/** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow, with a federated credential */
async function accessToken(
  { registry, clientId, tenantId }: { registry: string; clientId: string; tenantId: string },
  cloud: Cloud,
): Promise<string> {
  const { authority, audience, resource } = cloudOf(registry);
  const base = cloud.endpoints.azureAuthority ?? cloud.env.AZURE_AUTHORITY_HOST ?? authority;
  const question: Question = {
    what: `getting a token of Azure for ${registry}`,
    url: new URL(`/${encodeURIComponent(tenantId)}/oauth2/v2.0/token`, base),
    advice: `Check the client and the tenant, and that the application has a federated credential for this repository and branch with the audience ${audience}.`,
    ...form({
      ...{ grant_type: 'client_credentials', client_id: clientId, scope: `${resource}/.default` },
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await identityToken(cloud, audience, `login to ${registry}`),
    }),
  };
  return cloud.secret(textIn(await cloud.ask(question), ['access_token'], question));
}

/** https://azure.github.io/acr/AAD-OAuth.html, "Calling POST /oauth2/exchange" */
async function refreshToken(registry: string, tenant: string, access: string, cloud: Cloud): Promise<string> {
  const isLoopback = /^(?:localhost|127\.|\[::1\])/.test(registry);
  const question: Question = {
    what: `exchanging the token of Azure for one of ${registry}`,
    url: new URL(`${isLoopback ? 'http' : 'https'}://${registry}/oauth2/exchange`),
    advice:
      'Give the application the role AcrPush or AcrPull on the registry, and check the name of the registry.',
    ...form({ grant_type: 'access_token', service: registry, tenant, access_token: access }),
  };
  return cloud.secret(textIn(await cloud.ask(question), ['refresh_token'], question));
}

function cloudOf(registry: string): (typeof clouds)['io'] {
  const ending = registry.replace(/^.*\./, '');
  return ending === 'cn' || ending === 'us' ? clouds[ending] : clouds.io;
}
