import * as z from 'zod';
import { type Challenge, parseChallenges } from './challenge.ts';
import type { CredentialSource, Credentials } from './credentials.ts';
import { type Asked, ProtocolError, RegistryError } from './errors.ts';
import { type HttpAnswer, type HttpRequest, readAll, type Send } from './http.ts';

interface Token {
  header: string;
  /** In milliseconds since the epoch. */
  expiresAt: number;
}

const tokenSchema = z.looseObject({
  token: z.string().optional(),
  access_token: z.string().optional(),
  expires_in: z.number().optional(),
});
/** What a token lives when the server does not say (distribution's token specification), in seconds. */
const defaultLife = 60;

/**
 * Answers the challenges of one registry: basic authentication, or tokens from the server it names, kept per scope
 * until shortly before they expire. Credentials go to the registry itself and to the token server that it named over a
 * connection as safe as its own, and nowhere else.
 */
export class Authorizer {
  readonly #registry: string;
  readonly #send: Send;
  readonly #findCredentials: CredentialSource;
  readonly #isSafe: (url: URL) => boolean;
  readonly #tokens = new Map<string, Promise<Token>>();
  readonly #secrets = new Set<string>();
  #credentials: Promise<Credentials | undefined> | undefined;
  #challenge: Challenge | undefined;

  constructor(
    registry: string,
    {
      send,
      credentials,
      isSafe,
    }: { send: Send; credentials: CredentialSource; isSafe: (url: URL) => boolean },
  ) {
    this.#registry = registry;
    this.#send = send;
    this.#findCredentials = credentials;
    this.#isSafe = isSafe;
  }

  /** The Authorization header for these scopes, as far as it is known what the registry wants. */
  async header(scopes: readonly string[], asked: Asked): Promise<string | undefined> {
    const challenge = this.#challenge;
    if (!challenge) return undefined;
    if (challenge.scheme === 'basic') return this.#basic(await this.#credentialsFor());
    const key = scopes.join(' ');
    const known = this.#tokens.get(key);
    if (known && (await known).expiresAt > Date.now()) return (await known).header;
    if (this.#tokens.get(key) === known) {
      // Without anybody's signal: others may wait for the same token.
      const fetched = this.#fetchToken(challenge, scopes, asked);
      this.#tokens.set(key, fetched);
      fetched.catch(() => this.#tokens.delete(key));
    }
    return (await this.#tokens.get(key))?.header;
  }

  /**
   * Takes in the challenge of a 401; whether trying again with `header` makes sense. What was `used` is forgotten.
   */
  async challenged(
    wwwAuthenticate: string,
    used: string | undefined,
    scopes: readonly string[],
  ): Promise<boolean> {
    const challenges = parseChallenges(wwwAuthenticate);
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    const challenge = bearer ?? challenges.find(({ scheme }) => scheme === 'basic');
    if (!challenge) return false;
    this.#challenge = challenge;
    if (!bearer) return !used && (await this.#credentialsFor()) !== undefined;
    const key = scopes.join(' ');
    const token = await this.#tokens.get(key)?.catch(() => undefined);
    if (token && token.header === used) this.#tokens.delete(key);
    return true;
  }

  /** `text` without anything secret, for answers that repeat what they were sent. */
  redact(text: string): string {
    let clean = text;
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, '***');
    return clean;
  }

  #credentialsFor(): Promise<Credentials | undefined> {
    this.#credentials ??= this.#findCredentials(this.#registry);
    return this.#credentials;
  }

  #basic(credentials: Credentials | undefined): string | undefined {
    if (!credentials || 'identityToken' in credentials) return undefined;
    const { username, password } = credentials;
    const encoded = Buffer.from(`${username}:${password}`).toString('base64');
    this.#secret(password);
    this.#secret(encoded);
    return `Basic ${encoded}`;
  }

  #secret(text: string): void {
    if (text) this.#secrets.add(text);
  }

  async #fetchToken(
    { parameters: { realm = '', service } }: Challenge,
    scopes: readonly string[],
    asked: Asked,
  ): Promise<Token> {
    const url = URL.canParse(realm) ? new URL(realm) : undefined;
    if (!url || !this.#isSafe(url))
      throw new ProtocolError(
        asked,
        `names a token server that is not asked: '${realm}' is no https address`,
      );
    const credentials = await this.#credentialsFor();
    const request = tokenRequest(url, service, scopes, credentials);
    const basic = this.#basic(credentials);
    if (basic) request.headers.authorization = basic;
    if (credentials && 'identityToken' in credentials) this.#secret(credentials.identityToken);
    const answer = await this.#send(request);
    return this.#tokenOf(answer, url, { ...asked, authenticated: credentials !== undefined });
  }

  async #tokenOf(answer: HttpAnswer, url: URL, asked: Asked): Promise<Token> {
    const asToken = {
      ...asked,
      what: `getting a token for ${asked.what}`,
      where: `${url.host}, for ${asked.where}`,
    };
    const body = ((await readAll(answer, 1024 * 1024, url.host)) ?? '').toString();
    if (answer.status !== 200)
      throw new RegistryError(asToken, answer.status, this.redact(body), answer.headers['retry-after']);
    const { token, access_token, expires_in = defaultLife } = readToken(body) ?? {};
    const secret = token ?? access_token;
    if (!secret) throw new ProtocolError({ ...asToken, where: url.host }, 'answered without a token');
    this.#secret(secret);
    return { header: `Bearer ${secret}`, expiresAt: Date.now() + expires_in * 900 };
  }
}

/** Distribution's token specification: GET, or OAuth 2's POST for an identity token. */
function tokenRequest(
  realm: URL,
  service: string | undefined,
  scopes: readonly string[],
  credentials: Credentials | undefined,
): HttpRequest {
  const url = new URL(realm);
  if (!credentials || !('identityToken' in credentials)) {
    if (service) url.searchParams.set('service', service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    return { method: 'GET', url, headers: {} };
  }
  const form = new URLSearchParams({
    ...{ grant_type: 'refresh_token', client_id: 'mlops', refresh_token: credentials.identityToken },
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(service && { service }),
  });
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return { method: 'POST', url, headers, body: Buffer.from(form.toString()) };
}

function readToken(body: string): z.infer<typeof tokenSchema> | undefined {
  try {
    return tokenSchema.parse(JSON.parse(body));
  } catch {
    return undefined;
  }
}
