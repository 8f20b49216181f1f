import { readdir, readFile } from 'node:fs/promises';
import { UserError } from '@mlops/core';
import { startOidcIssuer } from '@mlops/testkit/github-api';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type LoginContext, type LoginRequest, login, logout } from '../../src/login/index.ts';
import { type Folders, folders } from './folders.ts';
import { type Seen, type Server, serve, serveRegistry } from './servers.ts';

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((each) => each.close()));
});
async function until<T extends { close(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const started = await starting;
  closing.push(started);
  return started;
}

const ada = { username: 'ada', password: 's3cret-of-ada' };
const pauses = { attempts: 3, pauseMs: 1 };

const contextAt = ({ env, temp }: Folders, more: Partial<LoginContext> = {}): LoginContext => ({
  ...{ temp, github: { actor: 'octocat' }, patience: pauses, ...more },
  env: { ...env, ...more.env },
});

/** What a login that fails says. */
async function failureOf(requests: LoginRequest[], context: LoginContext): Promise<string> {
  const error = await login(requests, context).then(
    () => expect.unreachable('it succeeded'),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(UserError);
  return String(error);
}

async function usersIn({ config }: Folders): Promise<Record<string, string>> {
  const { auths } = JSON.parse(await readFile(config, 'utf8')) as { auths: Record<string, { auth: string }> };
  return Object.fromEntries(
    Object.entries(auths).map(([key, { auth }]) => [key, Buffer.from(auth, 'base64').toString()]),
  );
}

describe('several registries', () => {
  it('are logged in to at once, and out of at the end', async () => {
    const at = await folders();
    const bob = { username: 'bob', password: 's3cret-of-bob' };
    const [one, two] = [await until(serveRegistry(ada)), await until(serveRegistry(bob))];
    const requests = [
      { registry: one.host, ...ada },
      { registry: two.host, ...bob },
    ];
    const { registries, state } = await login(requests, contextAt(at));
    expect(registries).toEqual([
      { registry: one.host, username: 'ada', provider: 'none' },
      { registry: two.host, username: 'bob', provider: 'none' },
    ]);
    expect(await usersIn(at)).toEqual({ [one.host]: 'ada:s3cret-of-ada', [two.host]: 'bob:s3cret-of-bob' });
    await logout(state, at.env);
    await expect(readFile(at.config)).rejects.toThrow('ENOENT');
    expect(await readdir(at.temp)).toEqual([]);
    await logout(state, at.env);
  });

  it('are all told of when some fail, and nothing is left behind', async () => {
    const at = await folders();
    const [good, bad] = [await until(serveRegistry(ada)), await until(serveRegistry(ada))];
    const forbidding = await until(serve(() => 403));
    const wrong = 'wrong-password-of-ada';
    const failed = await failureOf(
      [
        { registry: good.host, ...ada },
        { registry: bad.host, ...ada, password: wrong },
        { registry: forbidding.host, ...ada },
      ],
      contextAt(at),
    );
    expect(failed).toContain(`logging in to ${bad.host} failed`);
    expect(failed).toContain('The credentials are not accepted');
    expect(failed).toContain(`${forbidding.host} answered 403`);
    expect(failed).toContain('Give the credentials the right');
    expect(failed).not.toContain(`${good.host} `);
    expect(failed).not.toContain(wrong);
    await expect(readFile(at.config)).rejects.toThrow('ENOENT');
    expect(await readdir(at.temp)).toEqual([]);
  });

  it('are refused before anything is asked when they make no sense', async () => {
    const at = await folders();
    const failed = await failureOf(
      [
        { registry: 'docker.io', ...ada },
        { registry: 'index.docker.io', ...ada },
        { registry: 'no registry', ...ada },
      ],
      contextAt(at),
    );
    expect(failed).toContain('docker.io: it is named twice');
    expect(failed).toContain("'no registry' is no registry");
    expect(await failureOf([{ registry: 'quay.io', username: 'ada' }], contextAt(at))).toContain(
      'the password is missing',
    );
  });
});

describe('a registry', () => {
  it('that is not well is asked again', async () => {
    const at = await folders();
    const answers = [503, 500];
    const server = await until(serveRegistry(ada, () => answers.shift()));
    const log: string[] = [];
    await login([{ registry: server.host, ...ada }], contextAt(at, { log: (line) => log.push(line) }));
    expect(log).toEqual([
      expect.stringContaining('503'),
      expect.stringContaining('500'),
      `Logged in to ${server.host} as ada.`,
    ]);
  });

  it('may give tokens, for which no repository is named', async () => {
    const at = await folders();
    const tokens: Server = await until(
      serve(({ headers, path }) =>
        headers.authorization === `Basic ${Buffer.from('ada:s3cret-of-ada').toString('base64')}`
          ? { token: `for ${path}` }
          : 401,
      ),
    );
    const server = await until(
      serve(({ headers }, response) => {
        if (headers.authorization === 'Bearer for /token?service=here') return {};
        response.setHeader('www-authenticate', `Bearer realm="${tokens.url}/token",service="here"`);
        return 401;
      }),
    );
    await login([{ registry: server.host, ...ada }], contextAt(at));
    expect(await usersIn(at)).toEqual({ [server.host]: 'ada:s3cret-of-ada' });
    const failed = await failureOf([{ registry: server.host, ...ada, password: 'nope' }], contextAt(at));
    expect(failed).toContain('getting a token');
  });

  it('that is gone is named', async () => {
    const at = await folders();
    const server = await serveRegistry(ada);
    await server.close();
    expect(await failureOf([{ registry: server.host, ...ada }], contextAt(at))).toContain(
      `the connection to ${server.host} failed`,
    );
  });
});

describe("GitHub's registry", () => {
  it("is logged in to with the job's token", async () => {
    const at = await folders();
    const server = await until(serveRegistry({ username: 'octocat', password: 'job-token' }));
    const request = { registry: server.host, provider: 'ghcr' };
    await login([request], contextAt(at, { github: { actor: 'octocat', token: 'job-token' } }));
    expect(await usersIn(at)).toEqual({ [server.host]: 'octocat:job-token' });
    expect(await failureOf([request], contextAt(at))).toContain('packages: write');
  });
});

const issuer = () => until(startOidcIssuer({ repository: 'acme/model' }));

/** The payload of a token. */
function claimsOf(token: unknown): Record<string, string> {
  return JSON.parse(Buffer.from(String(token).split('.')[1] ?? '', 'base64url').toString());
}

const formOf = ({ body }: Seen) => Object.fromEntries(new URLSearchParams(body));
const jsonOf = ({ body }: Seen) => JSON.parse(body) as Record<string, unknown>;

describe("Google's registries", () => {
  const workloadIdentityProvider = 'projects/42/locations/global/workloadIdentityPools/github/providers/acme';

  /** The token service and the credentials service, as their references have them. */
  const google = () =>
    until(
      serve((request) => {
        if (request.path === '/v1/token') {
          const { subjectToken, ...rest } = jsonOf(request);
          const { aud } = claimsOf(subjectToken);
          if (aud !== `https://iam.googleapis.com/${workloadIdentityProvider}`) return 400;
          expect(rest).toEqual({
            audience: `//iam.googleapis.com/${workloadIdentityProvider}`,
            grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
            requestedTokenType: 'urn:ietf:params:oauth:token-type:access_token',
            scope: 'https://www.googleapis.com/auth/cloud-platform',
            subjectTokenType: 'urn:ietf:params:oauth:token-type:jwt',
          });
          return { access_token: 'federated', token_type: 'Bearer', expires_in: 3600 };
        }
        const [, account] =
          /^\/v1\/projects\/-\/serviceAccounts\/(.+):generateAccessToken$/.exec(request.path) ?? [];
        if (request.headers.authorization !== 'Bearer federated') return 401;
        expect(jsonOf(request).lifetime).toBe('3600s');
        return { accessToken: `of ${decodeURIComponent(account ?? '')}`, expireTime: '2030-01-01T00:00:00Z' };
      }),
    );

  it("know the workflow's identity", async () => {
    const at = await folders();
    const [oidc, cloud] = [await issuer(), await google()];
    const endpoints = { googleSts: cloud.url, googleIam: cloud.url };
    const context = contextAt(at, { env: oidc.environment, endpoints });
    const direct = await until(serveRegistry({ username: 'oauth2accesstoken', password: 'federated' }));
    const account = 'push@acme.iam.gserviceaccount.com';
    const through = await until(serveRegistry({ username: 'oauth2accesstoken', password: `of ${account}` }));
    const request = { provider: 'gar', workloadIdentityProvider };
    await login(
      [
        { registry: direct.host, ...request },
        { registry: through.host, ...request, serviceAccount: account },
      ],
      context,
    );
    expect(await usersIn(at)).toEqual({
      [direct.host]: 'oauth2accesstoken:federated',
      [through.host]: `oauth2accesstoken:of ${account}`,
    });
  });

  it('take the key of a service account', async () => {
    const at = await folders();
    const key = '{"type": "service_account"}';
    const server = await until(serveRegistry({ username: '_json_key', password: key }));
    await login([{ registry: server.host, provider: 'gar', password: key }], contextAt(at));
    expect(await usersIn(at)).toEqual({ [server.host]: `_json_key:${key}` });
  });

  it('say what is missing', async () => {
    const at = await folders();
    const registry = 'europe-west1-docker.pkg.dev';
    expect(await failureOf([{ registry }], contextAt(at))).toContain(
      'neither credentials nor a workload identity',
    );
    const wrong = await failureOf([{ registry, workloadIdentityProvider: 'github' }], contextAt(at));
    expect(wrong).toContain("'github' is no workload identity provider");
    const without = await failureOf([{ registry, workloadIdentityProvider }], contextAt(at));
    expect(without).toContain('permissions: id-token: write');
    const [oidc, cloud] = [
      await issuer(),
      await until(
        serve((request, response) => {
          response.statusCode = 400;
          const { subjectToken } = jsonOf(request);
          return {
            error: 'invalid_grant',
            error_description: `The token ${subjectToken} is for somebody else.`,
          };
        }),
      ),
    ];
    const context = contextAt(at, { env: oidc.environment, endpoints: { googleSts: cloud.url } });
    const refused = await failureOf([{ registry, workloadIdentityProvider }], context);
    expect(refused).toContain('answered 400: The token *** is for somebody else.');
    expect(cloud.seen).toHaveLength(1);
  });
});

describe("Azure's registries", () => {
  const tenant = '11111111-2222-3333-4444-555555555555';

  it("know the workflow's identity", async () => {
    const at = await folders();
    const oidc = await issuer();
    const failures = [503];
    const authority = await until(
      serve((request) => {
        const failure = failures.shift();
        if (failure) return failure;
        const { client_assertion, ...rest } = formOf(request);
        if (request.path !== `/${tenant}/oauth2/v2.0/token`) return 404;
        expect(claimsOf(client_assertion).aud).toBe('api://AzureADTokenExchange');
        expect(rest).toEqual({
          ...{ grant_type: 'client_credentials', client_id: 'application' },
          scope: 'https://containerregistry.azure.net/.default',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        });
        return { access_token: 'of Azure', token_type: 'Bearer', expires_in: 3599 };
      }),
    );
    const user = { username: '00000000-0000-0000-0000-000000000000', password: 'refresh' };
    const server: Server = await until(
      serveRegistry(user, (request) => {
        if (request.path !== '/oauth2/exchange') return undefined;
        expect(formOf(request)).toEqual({
          ...{ grant_type: 'access_token', service: request.headers.host, tenant, access_token: 'of Azure' },
        });
        return { refresh_token: 'refresh' };
      }),
    );
    const env = { ...oidc.environment, AZURE_CLIENT_ID: 'application', AZURE_TENANT_ID: tenant };
    const context = contextAt(at, { env, endpoints: { azureAuthority: authority.url } });
    await login([{ registry: server.host, provider: 'acr' }], context);
    expect(await usersIn(at)).toEqual({ [server.host]: `${user.username}:refresh` });
  });

  it('say what is missing, and take a user and password', async () => {
    const at = await folders();
    expect(await failureOf([{ registry: 'models.azurecr.io' }], contextAt(at))).toContain(
      'Name the client and tenant',
    );
    const server = await until(serveRegistry(ada));
    await login([{ registry: server.host, provider: 'acr', ...ada }], contextAt(at));
    expect(await usersIn(at)).toEqual({ [server.host]: 'ada:s3cret-of-ada' });
  });
});

describe("Amazon's public registry", () => {
  it('is asked by its own name', async () => {
    const at = await folders();
    const token = Buffer.from('AWS:public-token').toString('base64');
    const cloud = await until(
      serve(({ headers }) =>
        headers['x-amz-target'] === 'SpencerFrontendService.GetAuthorizationToken' &&
        /Credential=AKIA\/\d{8}\/us-east-1\/ecr-public\/aws4_request/.test(headers.authorization ?? '')
          ? { authorizationData: { authorizationToken: token, expiresAt: 1 } }
          : 400,
      ),
    );
    const server = await until(serveRegistry({ username: 'AWS', password: 'public-token' }));
    const request = { registry: server.host, provider: 'ecr-public', username: 'AKIA', password: 'key' };
    await login([request], contextAt(at, { endpoints: { ecrPublic: cloud.url } }));
    expect(await usersIn(at)).toEqual({ [server.host]: 'AWS:public-token' });
  });

  it('says what is missing', async () => {
    const at = await folders();
    expect(await failureOf([{ registry: 'public.ecr.aws' }], contextAt(at))).toContain(
      'nor a role to take on',
    );
  });
});

describe('secrets', () => {
  it('are masked, also in the form in which they are kept', async () => {
    const at = await folders();
    // Of its own: what is masked already is not masked again.
    const user = { username: 'eve', password: 's3cret-of-eve' };
    const server = await until(serveRegistry(user));
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await login([{ registry: server.host, ...user }], contextAt(at));
    const lines = write.mock.calls.map(([text]) => String(text).trim());
    write.mockRestore();
    const kept = Buffer.from('eve:s3cret-of-eve').toString('base64');
    expect(lines).toEqual(['::add-mask::s3cret-of-eve', `::add-mask::${kept}`]);
  });
});
