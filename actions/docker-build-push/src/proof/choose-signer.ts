import { annotate, type GitHub, mask, retry, UserError } from '@mlops/core';
import { readPrivateKey } from './keys.ts';
import { keySigner, publicSigstore, type Signer, type SigstoreServices, sigstoreSigner } from './sign.ts';

/**
 * How statements are signed: `github` with the workflow's identity, stored among the repository's attestations too;
 * `keyless` with that identity alone; `key` with a key; `none` not at all; `auto` as `github` where the job may, and
 * otherwise with the key.
 */
export type SignMode = 'auto' | 'github' | 'keyless' | 'key' | 'none';

export interface SignOptions {
  mode: SignMode;
  github: Pick<GitHub, 'repository' | 'apiUrl' | 'serverUrl' | 'payload'>;
  /** The job's token, for the repository's attestations. */
  token?: string | undefined;
  /** A private key in PEM, and its password: see readPrivateKey. Secrets. */
  key?: string | undefined;
  password?: string | undefined;
  /** For `keyless`, and in place of what the repository's visibility decides (default: Sigstore's public instance). */
  services?: SigstoreServices | undefined;
  env?: NodeJS.ProcessEnv;
  /** Gives an OpenID token for an audience (default: the runner's). */
  identity?: (() => Promise<string>) | undefined;
  signal?: AbortSignal | undefined;
}

/** Signs statements one after the other. */
export interface Signing {
  /** As the run record calls it. */
  how: 'github' | 'keyless' | 'key';
  sign(payload: Buffer): Promise<SignedBundle>;
}

export interface SignedBundle {
  json: Buffer;
  /** How it was signed in the end. */
  how: Signing['how'];
  /** The page of the attestation on GitHub, where it is stored there. */
  url?: string | undefined;
}

/**
 * Decides how to sign by what the job may do; undefined where nobody wants signatures.
 *
 * @throws UserError where there is no way to sign: an image is left unsigned only when that is asked for
 */
export async function chooseSigning(options: SignOptions): Promise<Signing | undefined> {
  const { mode, env = process.env } = options;
  if (mode === 'none') return undefined;
  const byKey = async () => keySigner(await readPrivateKey(options.key ?? '', options.password));
  if (mode === 'key') {
    if (!options.key)
      throw new UserError('there is no key to sign with', {
        advice: 'Give a private key in PEM as a secret: openssl genpkey -algorithm ed25519 makes one.',
      });
    return signingBy('key', await byKey());
  }
  const mayIdentify = options.identity !== undefined || Boolean(env.ACTIONS_ID_TOKEN_REQUEST_URL);
  if (mode === 'keyless') {
    if (!mayIdentify)
      throw noIdentity("the job has no identity to sign with: the scope 'id-token' is missing");
    return signingBy('keyless', identitySigner(options, options.services ?? publicSigstore));
  }
  const fallback = options.key ? await byKey() : undefined;
  if (mayIdentify && options.token && options.github.repository) return githubSigning(options, fallback);
  const missing = mayIdentify
    ? options.github.repository
      ? 'there is no token for the repository'
      : 'this is no run on GitHub'
    : "the scope 'id-token' is missing";
  if (mode === 'github' || !fallback)
    throw noIdentity(`nothing can be signed: ${missing}${mode === 'auto' ? ', and there is no key' : ''}`);
  annotate(
    'notice',
    `Signed with the key instead of GitHub's attestations, because ${missing}. To sign with the workflow's identity, grant 'permissions: id-token: write' and 'attestations: write'.`,
  );
  return signingBy('key', fallback);
}

/** Where GitHub has certificates from: Sigstore's public instance for public repositories, its own for others. */
export function githubSigstore({
  serverUrl,
  payload,
}: Pick<GitHub, 'serverUrl' | 'payload'>): SigstoreServices {
  const { visibility } = (payload.repository ?? {}) as { visibility?: unknown };
  if (visibility === 'public') return publicSigstore;
  const { hostname } = new URL(serverUrl);
  const host = hostname === 'github.com' ? 'githubapp.com' : hostname;
  return { fulcioUrl: `https://fulcio.${host}`, tsaUrl: `https://timestamp.${host}` };
}

function signingBy(how: Signing['how'], signer: Signer): Signing {
  return { how, sign: async (payload) => ({ json: await signer(payload), how }) };
}

function githubSigning(options: SignOptions, fallback: Signer | undefined): Signing {
  const signer = identitySigner(options, options.services ?? githubSigstore(options.github));
  let told = false;
  return {
    how: 'github',
    async sign(payload) {
      const json = await signer(payload);
      const stored = await store(json, options);
      if ('url' in stored) return { json, how: 'github', url: stored.url };
      if (options.mode === 'github') throw stored.denied;
      if (!told)
        annotate(
          'notice',
          `${stored.denied.message}. The ${fallback ? 'key signs instead' : "workflow's identity signs all the same, and the signature stands in the registry alone"}. ${stored.denied.advice}`,
        );
      told = true;
      return fallback ? { json: await fallback(payload), how: 'key' } : { json, how: 'keyless' };
    },
  };
}

function identitySigner({ identity }: SignOptions, services: SigstoreServices): Signer {
  return sigstoreSigner(services, async () => {
    const token = await (identity ?? runnerIdentity)();
    mask(token);
    return token;
  });
}

/** Sigstore's authorities take tokens for this audience. */
async function runnerIdentity(): Promise<string> {
  const { CIContextProvider } = await import('@sigstore/sign');
  return new CIContextProvider('sigstore').getToken();
}

/** Puts a bundle among the repository's attestations; `denied` where the token or the plan does not allow that. */
async function store(
  json: Buffer,
  { github, token = '', signal }: SignOptions,
): Promise<{ url: string } | { denied: UserError }> {
  const { gitHubApi, isDenied, isFromApi, reasonOf } = await import('@mlops/core/github-api');
  const [owner = '', repo = ''] = (github.repository ?? '').split('/');
  const api = await gitHubApi(github, token, signal);
  try {
    const bundle = JSON.parse(json.toString());
    // The same attestation twice does no harm.
    const { data } = await retry(
      () => api.request('POST /repos/{owner}/{repo}/attestations', { owner, repo, bundle }),
      {
        ...{ what: 'storing the attestation', attempts: 4, signal },
        retryable: (error) => ((error as { status?: number }).status ?? 0) >= 500,
      },
    );
    return { url: `${github.serverUrl}/${github.repository}/attestations/${data.id}` };
  } catch (error) {
    if (!isFromApi(error)) throw error;
    const failed = `GitHub did not take the attestation: ${reasonOf(error)}`;
    const isRefused = isDenied(error) || (error as { status?: number }).status === 403;
    if (isRefused)
      return {
        denied: new UserError(failed, {
          cause: error,
          advice:
            "Grant 'permissions: attestations: write'; private repositories need GitHub Enterprise Cloud for attestations.",
        }),
      };
    throw new UserError(failed, { cause: error, advice: 'Run the job again.' });
  }
}

function noIdentity(message: string): UserError {
  return new UserError(message, {
    advice:
      "Grant the job 'permissions: id-token: write' and 'attestations: write' (forks' pull requests get neither), give a key as a secret, or ask for no signature: 'sign: none'.",
  });
}
