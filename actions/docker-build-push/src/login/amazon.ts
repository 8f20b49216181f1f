import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { UserError } from '@mlops/core';
import { type Cloud, form, type Question, textIn } from './cloud.ts';
import { hasIdentity, identityToken } from './identity.ts';
import { ecrHost, type Login } from './request.ts';

/** What signs requests to Amazon. */
interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** Where a registry's tokens are asked for. */
interface Service {
  url: URL;
  region: string;
  /** As signatures name it. */
  name: string;
  target: string;
  /** What leads to the token in the answer. */
  keys: readonly (string | number)[];
  /** Of Amazon's addresses in this partition. */
  domain: string;
}

/** User and password for a registry of Amazon, valid for twelve hours. */
export async function amazonCredentials(
  login: Login,
  cloud: Cloud,
): Promise<{ username: string; password: string }> {
  const service = serviceOf(login, cloud);
  const keys = await keysFor(login, service, cloud);
  const question: Question = {
    what: `getting a token for ${login.registry}`,
    url: service.url,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': service.target },
    body: '{}',
    advice: `Give the role or user the right '${service.name}:GetAuthorizationToken'${service.name === 'ecr-public' ? " and 'sts:GetServiceBearerToken'" : ''}, and check that its keys are valid.`,
  };
  const answer = await cloud.ask(await signed(question, service, keys));
  const token = cloud.secret(textIn(answer, service.keys, question));
  const [username = '', ...password] = Buffer.from(token, 'base64').toString().split(':');
  return { username, password: cloud.secret(password.join(':')) };
}

/** The service that belongs to a registry (https://docs.aws.amazon.com/general/latest/gr/ecr.html). */
export function serviceOf(
  { registry, provider }: Pick<Login, 'registry' | 'provider'>,
  { env, endpoints }: Pick<Cloud, 'env' | 'endpoints'>,
): Service {
  const general = env.AWS_ENDPOINT_URL;
  const host = ecrHost(registry);
  if (provider === 'ecr-public') {
    // The public registry has tokens in this region only.
    const at = 'https://api.ecr-public.us-east-1.amazonaws.com';
    return {
      url: new URL(endpoints.ecrPublic ?? env.AWS_ENDPOINT_URL_ECR_PUBLIC ?? general ?? at),
      ...{ region: 'us-east-1', name: 'ecr-public', domain: 'amazonaws.com' },
      target: 'SpencerFrontendService.GetAuthorizationToken',
      keys: ['authorizationData', 'authorizationToken'],
    };
  }
  const region = host?.region ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
  if (!region)
    throw new UserError(`login to ${registry}: the region is not known`, {
      advice:
        "Name the registry <account>.dkr.ecr.<region>.amazonaws.com, or set AWS_REGION in the job's env.",
    });
  const isChina = region.startsWith('cn-');
  const domain = isChina
    ? 'amazonaws.com.cn'
    : host?.domain === 'amazonaws.eu'
      ? 'amazonaws.eu'
      : 'amazonaws.com';
  const fips = host?.isFips ? '-fips' : '';
  const dualStack = isChina ? 'api.amazonwebservices.com.cn' : 'api.aws';
  const at = host?.isDualStack
    ? `https://ecr${fips}.${region}.${dualStack}`
    : fips
      ? `https://ecr-fips.${region}.${domain}`
      : `https://api.ecr.${region}.${domain}`;
  return {
    url: new URL(endpoints.ecr ?? env.AWS_ENDPOINT_URL_ECR ?? general ?? at),
    ...{ region, name: 'ecr', domain },
    target: 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken',
    keys: ['authorizationData', 0, 'authorizationToken'],
  };
}

/** Those in the request, or of the role it names; otherwise what the environment has, in the order of Amazon's SDKs. */
async function keysFor(login: Login, service: Service, cloud: Cloud): Promise<Keys> {
  const { registry, username, password, role } = login;
  const { env } = cloud;
  if (username && password) return { accessKeyId: username, secretAccessKey: cloud.secret(password) };
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: session,
  } = env;
  if (!role && accessKeyId && secretAccessKey)
    return {
      ...{ accessKeyId, secretAccessKey: cloud.secret(secretAccessKey) },
      ...(session && { sessionToken: cloud.secret(session) }),
    };
  // A runner in a cluster of Amazon's may have an identity of its own; a role that the user names is the workflow's.
  const file = role && hasIdentity(env) ? undefined : env.AWS_WEB_IDENTITY_TOKEN_FILE;
  const assumed = role ?? env.AWS_ROLE_ARN;
  if (assumed) return keysOfRole(assumed, file, { registry, service, cloud });
  throw new UserError(`login to ${registry}: there are neither keys of Amazon nor a role to take on`, {
    advice:
      "Name a role that trusts the workflow's identity (role, with 'permissions: id-token: write'), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from secrets.",
  });
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
async function keysOfRole(
  role: string,
  tokenFile: string | undefined,
  { registry, service, cloud }: { registry: string; service: Service; cloud: Cloud },
): Promise<Keys> {
  const { env, endpoints } = cloud;
  const forWhat = `taking on the role ${role} for ${registry}`;
  const token = tokenFile
    ? cloud.secret((await readFile(tokenFile, 'utf8')).trim())
    : await identityToken(cloud, 'sts.amazonaws.com', forWhat);
  const at = `https://sts.${service.region}.${service.domain}`;
  const question: Question = {
    what: forWhat,
    url: new URL(endpoints.awsSts ?? env.AWS_ENDPOINT_URL_STS ?? env.AWS_ENDPOINT_URL ?? at),
    advice: `Check that the trust policy of ${role} names token.actions.githubusercontent.com, the audience sts.amazonaws.com and this repository and branch in 'sub'.`,
    ...form({
      ...{ Action: 'AssumeRoleWithWebIdentity', Version: '2011-06-15', DurationSeconds: '900' },
      ...{ RoleArn: role, RoleSessionName: `mlops-${env.GITHUB_RUN_ID ?? 'local'}`, WebIdentityToken: token },
    }),
  };
  const answer = await cloud.ask(question);
  const read = (name: string) => new RegExp(`<${name}>\\s*([^<\\s]+)\\s*</${name}>`).exec(answer)?.[1];
  const [accessKeyId, secretAccessKey, sessionToken] = [
    read('AccessKeyId'),
    cloud.secret(read('SecretAccessKey') ?? ''),
    cloud.secret(read('SessionToken') ?? ''),
  ];
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, sessionToken };
  throw new UserError(`${forWhat} failed: ${question.url.host} answered without keys`, {
    advice: 'Check that the address is that of the service, and what stands between here and it.',
  });
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html */
async function signed(question: Question, { name, region }: Service, keys: Keys): Promise<Question> {
  const { SignatureV4 } = await import('@smithy/signature-v4');
  const signer = new SignatureV4({ service: name, region, credentials: keys, sha256: Sha256 });
  const { url, headers = {}, body } = question;
  const { headers: withSignature } = await signer.sign({
    ...{ method: 'POST', protocol: url.protocol, hostname: url.hostname, path: url.pathname, body },
    headers: { ...headers, host: url.host },
  });
  return { ...question, headers: withSignature };
}

/** Node's own, in the form that the signer takes. */
class Sha256 {
  #hash: Hash | Hmac;
  readonly #secret: string | Uint8Array | undefined;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#secret = secret === undefined ? undefined : bytesOf(secret);
    this.#hash = this.#fresh();
  }

  update(chunk: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(bytesOf(chunk));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = this.#fresh();
  }

  #fresh(): Hash | Hmac {
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', this.#secret);
  }
}

function bytesOf(data: string | ArrayBuffer | ArrayBufferView): string | Uint8Array {
  if (typeof data === 'string') return data;
  return data instanceof ArrayBuffer
    ? new Uint8Array(data)
    : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
