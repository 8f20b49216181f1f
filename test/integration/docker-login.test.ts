import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@mlops/core';
import { bytesSource, connect, digestOf, parseReference, pushBlob } from '@mlops/oci';
import { type OidcIssuer, startOidcIssuer } from '@mlops/testkit/github-api';
import { type OciRegistry, startOciRegistry } from '@mlops/testkit/oci';
import { tool } from '@mlops/tools';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type LoginContext, login, logout } from '../../actions/docker-build-push/src/login/index.ts';

let root: string;
let context: LoginContext;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'docker-login-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  const temp = await mkdtemp(join(root, 'job-'));
  const env = { PATH: process.env.PATH, DOCKER_CONFIG: join(temp, 'docker') };
  context = { env, temp, github: { actor: 'octocat' }, patience: { attempts: 2, pauseMs: 10 } };
});

describe('a registry with users of its own', () => {
  let registry: OciRegistry;
  beforeAll(async () => {
    registry = await startOciRegistry({ authenticated: true });
  });
  afterAll(() => registry.close());

  const push = () => {
    const { repository } = connect(parseReference(`${registry.host}/acme/model:v1`), { env: context.env });
    const content = Buffer.from('content');
    return pushBlob(repository, { digest: digestOf(content), size: content.length }, bytesSource(content));
  };

  it('takes images between login and logout', async () => {
    await expect(push()).rejects.toThrow('401');
    const { state } = await login([{ registry: registry.host, ...registry.credentials }], context);
    await push();
    await logout(state, context.env);
    await expect(push()).rejects.toThrow('401');
  });

  it('refuses a wrong password, and nothing is kept', async () => {
    const request = { registry: registry.host, ...registry.credentials, password: 'wrong' };
    await expect(login([request], context)).rejects.toThrow(`logging in to ${registry.host} failed`);
    await expect(readFile(join(context.env.DOCKER_CONFIG ?? '', 'config.json'))).rejects.toThrow('ENOENT');
  });
});

describe("Amazon's registry", () => {
  const role = 'arn:aws:iam::123456789012:role/push';
  let amazon: { url: string; close: () => Promise<void> };
  let oidc: OidcIssuer;
  let registry: { host: string; close: () => void };
  beforeAll(async () => {
    amazon = await startAmazon();
    oidc = await startOidcIssuer({ repository: 'acme/model' });
    registry = await registryFor('AWS:123456789012-auth-token');
    await iam({
      ...{ Action: 'CreateRole', RoleName: 'push' },
      AssumeRolePolicyDocument: JSON.stringify({ Version: '2012-10-17', Statement: [] }),
    });
    await mayAsk('ecr:GetAuthorizationToken');
  });
  afterAll(async () => {
    registry.close();
    await oidc.close();
    await amazon.close();
  });

  const iam = async (fields: Record<string, string>) => {
    const body = new URLSearchParams({ Version: '2010-05-08', ...fields });
    const signature =
      'AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0';
    const answer = await fetch(amazon.url, { method: 'POST', headers: { authorization: signature }, body });
    const text = await answer.text();
    expect(answer.status, text).toBe(200);
    return text;
  };
  const mayAsk = (action: string) =>
    iam({
      ...{ Action: 'PutRolePolicy', RoleName: 'push', PolicyName: 'push' },
      PolicyDocument: JSON.stringify({
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: action, Resource: '*' }],
      }),
    });
  /** From then on every request has to be signed by keys that may do it, after the first few. */
  const checkAfter = async (requests: number | 'inf') => {
    const answer = await fetch(`${amazon.url}/moto-api/reset-auth`, { method: 'POST', body: `${requests}` });
    expect(answer.status).toBe(200);
  };
  const request = () => ({ registry: registry.host, provider: 'ecr', role });
  const withIdentity = () => ({
    ...context,
    env: { ...context.env, ...oidc.environment, AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: amazon.url },
  });

  it("lets in the workflow's role, whose signature it checks", async () => {
    // Taking on the role is not signed.
    await checkAfter(1);
    const { registries } = await login([request()], withIdentity()).finally(() => checkAfter('inf'));
    expect(registries).toEqual([{ registry: registry.host, username: 'AWS', provider: 'ecr' }]);
    expect(oidc.audiences).toContain('sts.amazonaws.com');
  });

  it('says which right the role needs', async () => {
    await mayAsk('s3:GetObject');
    await checkAfter(1);
    const failed = await login([request()], withIdentity())
      .catch(String)
      .finally(() => checkAfter('inf'));
    expect(failed).toContain('answered 403');
    expect(failed).toContain("'ecr:GetAuthorizationToken'");
    await mayAsk('ecr:GetAuthorizationToken');
  });

  it('refuses a wrong key', async () => {
    await iam({ Action: 'CreateUser', UserName: 'ada' });
    const created = await iam({ Action: 'CreateAccessKey', UserName: 'ada' });
    const [, username] = /<AccessKeyId>(\w+)</.exec(created) ?? [];
    await checkAfter(0);
    const keys = { registry: registry.host, provider: 'ecr', username, password: 'wrong' };
    const failed = await login([keys], withIdentity())
      .catch(String)
      .finally(() => checkAfter('inf'));
    expect(failed).toContain('signature we calculated does not match');
  });
});

/** Amazon's identity, token and registry services, which check signatures with Amazon's own library. */
async function startAmazon(): Promise<{ url: string; close: () => Promise<void> }> {
  const program = await tool('moto-server');
  const port = await freePort();
  const home = join(root, 'amazon');
  await mkdir(home);
  const child: ChildProcess = spawn(program, ['-H', '127.0.0.1', '-p', `${port}`], {
    cwd: home,
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const url = `http://127.0.0.1:${port}`;
  const close = async () => {
    process.removeListener('exit', kill);
    kill();
    await ended;
  };
  try {
    await waitFor(
      (signal) =>
        fetch(`${url}/moto-api/data.json`, { signal }).then(
          ({ ok }) => ok || undefined,
          () => undefined,
        ),
      { what: 'the start of moto', deadlineMs: 120_000 },
    );
  } catch (error) {
    await close();
    throw error;
  }
  return { url, close };
}

async function freePort(): Promise<number> {
  const server = createSocketServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A registry that takes the token of Amazon's service, which moto has none of. */
async function registryFor(user: string): Promise<{ host: string; close: () => void }> {
  const wanted = `Basic ${Buffer.from(user).toString('base64')}`;
  const server = createServer(({ headers }, answer) => {
    if (headers.authorization === wanted) answer.end('{}');
    else answer.writeHead(401, { 'www-authenticate': 'Basic realm="ecr"' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
