import { suggest, UserError } from '@mlops/core';

/** Whose registry it is, which decides how the credentials are come by. */
export const providers = ['ecr', 'ecr-public', 'gar', 'acr', 'ghcr', 'none'] as const;
export type Provider = (typeof providers)[number];

/** One registry to log in to. */
export interface LoginRequest {
  /** `docker.io`, or `host[:port]`. */
  registry: string;
  /** With a password all registries take; for Amazon's an access key and its secret, or `AWS` and a token. */
  username?: string | undefined;
  password?: string | undefined;
  /** Default: by the registry's name. */
  provider?: string | undefined;
  /** Amazon: the role to take on with the workflow's identity (default: AWS_ROLE_ARN). */
  role?: string | undefined;
  /** Google: `projects/<number>/locations/global/workloadIdentityPools/<pool>/providers/<provider>`. */
  workloadIdentityProvider?: string | undefined;
  /** Google: whom to impersonate; without one the workflow's own identity needs the right. */
  serviceAccount?: string | undefined;
  /** Azure: of the application with the federated credential (default: AZURE_CLIENT_ID and AZURE_TENANT_ID). */
  clientId?: string | undefined;
  tenantId?: string | undefined;
}

/** A request with what it leaves open filled in. */
export interface Login extends LoginRequest {
  provider: Provider;
}

/**
 * Brings the name of the registry into the form of references and settles the provider.
 *
 * @throws UserError for what is no registry or no provider
 */
export function settle(request: LoginRequest, env: NodeJS.ProcessEnv): Login {
  const registry = nameOf(request.registry);
  const { provider = providerOf(registry, env) } = request;
  if (isProvider(provider)) return { ...request, registry, provider };
  throw new UserError(`login to ${registry}: there is no provider '${provider}'`, {
    advice: suggest(provider, providers),
  });
}

function isProvider(name: string): name is Provider {
  return (providers as readonly string[]).includes(name);
}

const dockerHubNames = ['', 'docker.io', 'index.docker.io', 'registry-1.docker.io'];

function nameOf(given: string): string {
  const host = given
    .trim()
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .toLowerCase();
  if (dockerHubNames.includes(host)) return 'docker.io';
  if (/^(?:[a-z0-9][a-z0-9.-]*|\[[0-9a-f:]+\])(?::\d{1,5})?$/.test(host)) return host;
  throw new UserError(`login: '${given}' is no registry`, {
    advice: 'Write its host, and the port where there is one: ghcr.io, registry.example.com:5000.',
  });
}

/** Whose registry a host is. GitHub Enterprise has its own at `containers.<host>`. */
export function providerOf(registry: string, env: NodeJS.ProcessEnv): Provider {
  if (ecrHost(registry)) return 'ecr';
  if (/^(?:public\.ecr\.aws|ecr-public\.aws\.com)$/.test(registry)) return 'ecr-public';
  if (/^(?:.+-docker\.pkg\.dev|docker\.pkg\.dev|(?:.+\.)?gcr\.io)$/.test(registry)) return 'gar';
  if (/^.+\.azurecr\.(?:io|cn|us)$/.test(registry)) return 'acr';
  const github = env.GITHUB_SERVER_URL ? new URL(env.GITHUB_SERVER_URL).host : 'github.com';
  if (registry === 'ghcr.io' || registry === `containers.${github}`) return 'ghcr';
  return 'none';
}

/** What the name of a private registry of Amazon says; undefined for another host. */
export function ecrHost(
  registry: string,
): { region: string; isFips: boolean; domain: string; isDualStack: boolean } | undefined {
  const found =
    /^\d{12}\.dkr(?:\.ecr|-ecr)(-fips)?\.([a-z0-9-]+)\.(amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn)$/.exec(
      registry,
    );
  const [, fips, region = '', domain = ''] = found ?? [];
  return found
    ? { region, isFips: fips !== undefined, domain, isDualStack: domain.startsWith('on.') }
    : undefined;
}
