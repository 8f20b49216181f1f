import { Authorizer } from './authorizer.ts';
import { type CredentialSource, type Credentials, dockerCredentials } from './credentials.ts';
import { type Asked, ProtocolError, RegistryError } from './errors.ts';
import { type Body, type HttpAnswer, openHttp, readAll, type Send } from './http.ts';
import { isSafe, originOf } from './origin.ts';
import { type Patience, persist } from './persist.ts';
import { type Reference, targetOf } from './reference.ts';

export interface RegistryOptions {
  /** Who to log in as. Default: what `docker login` left behind; see dockerCredentials. */
  credentials?: Credentials | CredentialSource;
  /** Whether to speak http instead of https. Default: with registries on this machine's loopback only. */
  insecure?: boolean | undefined;
  /** Where Docker's configuration and proxies are looked for (default: this process's environment). */
  env?: NodeJS.ProcessEnv;
  /** How often a request is tried when it fails for a reason that may pass (default 5). */
  attempts?: number;
  /** First pause between tries in milliseconds; doubles each time (default 500). */
  pauseMs?: number;
  /** All tries of a request together, in milliseconds (default 180 000); transfers go on as long as they move. */
  deadlineMs?: number;
  /** How long nothing may move on a connection, in milliseconds (default 120 000). */
  idleMs?: number;
  /** Is told of each failed try that is followed by another. */
  onRetry?: (message: string) => void;
}

/** One request, in terms of the distribution specification. */
export interface Call {
  /** For messages, in the form `pushing the manifest 'v1'`. */
  what: string;
  method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT';
  /** Below the repository, such as `manifests/v1`; or an address that the registry gave. */
  path: string | URL;
  headers?: Record<string, string>;
  body?: Body | undefined;
  writes?: boolean;
  /** Another repository that is read from. */
  from?: string | undefined;
  /** The statuses that are answers; any other is an error. */
  accept: readonly number[];
  signal?: AbortSignal | undefined;
}

/** An answer whose body is still to come; it has to be read or destroyed. */
export interface StreamAnswer extends HttpAnswer {
  /** Where the answer came from, after redirects. */
  url: URL;
}

export interface Answer extends Omit<StreamAnswer, 'body'> {
  body: Buffer;
}

const maxRedirects = 5;
/** What registries have to take of a manifest at least (4 MiB); nothing else that is read whole is larger. */
const maxAnswerBytes = 4 * 1024 * 1024;
const maxErrorBytes = 64 * 1024;

/** A registry whose connections and tokens are shared by all that is done with it. Nothing has to be closed. */
export class Registry {
  /** `docker.io` or `host[:port]`, as in references. */
  readonly name: string;
  readonly patience: Patience;
  readonly #insecure: boolean | undefined;
  readonly #origin: URL;
  readonly #send: Send;
  readonly #authorizer: Authorizer;

  constructor(name: string, options: RegistryOptions = {}) {
    const { env = process.env, credentials = dockerCredentials(env), insecure } = options;
    const { attempts = 5, pauseMs = 500, deadlineMs = 180_000, idleMs = 120_000, onRetry } = options;
    this.name = name;
    this.patience = { attempts, pauseMs, deadlineMs, onRetry };
    this.#insecure = insecure;
    this.#origin = originOf(name, insecure);
    this.#send = openHttp({ env, idleMs });
    const source = typeof credentials === 'function' ? credentials : async () => credentials;
    this.#authorizer = new Authorizer(name, {
      ...{ send: this.#send, credentials: source, isSafe: (url) => isSafe(url, this.#origin, insecure) },
    });
  }

  repository(name: string): Repository {
    return { registry: this, name };
  }

  /**
   * Asks the registry whether it knows us, as `docker login` does, and nothing more. A registry that lets everybody in
   * does not look at the credentials.
   *
   * @throws RegistryError when it does not accept them
   */
  async ping(signal?: AbortSignal): Promise<void> {
    const path = new URL('/v2/', this.#origin);
    await this.request('', {
      what: `logging in to ${this.name}`,
      method: 'GET',
      path,
      accept: [200],
      signal,
    });
  }

  /** Sends until there is a whole answer, or an error that another try does not mend. */
  async request(repository: string, call: Call): Promise<Answer> {
    const { what, signal } = call;
    return persist(this.patience, {
      ...{ what, signal, attempt: (signal) => this.once(repository, { ...call, signal }) },
    });
  }

  /** One try, with all of a small answer. */
  async once(repository: string, call: Call): Promise<Answer> {
    const answer = await this.attempt(repository, call);
    const body = await readAll(answer, maxAnswerBytes, answer.url.host);
    if (body) return { ...answer, body };
    const where = `${this.name}/${repository}`;
    throw new ProtocolError({ what: call.what, where }, `answered more than ${maxAnswerBytes} bytes`);
  }

  /** One try, with the log-in that the registry may ask for, and redirects followed. */
  async attempt(repository: string, call: Call): Promise<StreamAnswer> {
    const { writes = false } = call;
    const scopes = [
      ...(repository ? [`repository:${repository}:pull${writes ? ',push' : ''}`] : []),
      ...(call.from ? [`repository:${call.from}:pull`] : []),
    ];
    const where = repository ? `${this.name}/${repository}` : this.name;
    const asked: Asked = { what: call.what, where, writes, authenticated: false };
    const url =
      typeof call.path === 'string' ? new URL(`/v2/${repository}/${call.path}`, this.#origin) : call.path;
    const isOwn = url.origin === this.#origin.origin;
    for (let isSecondTry = false; ; isSecondTry = true) {
      const authorization = isOwn ? await this.#authorizer.header(scopes, asked) : undefined;
      const answer = await this.#follow(url, call, authorization, asked);
      if (call.accept.includes(answer.status)) return answer;
      const body = ((await readAll(answer, maxErrorBytes, url.host)) ?? '').toString();
      const { 'www-authenticate': challenge, 'retry-after': retryAfter } = answer.headers;
      const isAskedToLogIn = answer.status === 401 && isOwn && answer.url.href === url.href;
      const mayLogIn =
        challenge && isAskedToLogIn && (await this.#authorizer.challenged(challenge, authorization, scopes));
      if (mayLogIn && !isSecondTry) continue;
      const text = this.#authorizer.redact(body);
      throw new RegistryError(
        { ...asked, authenticated: authorization !== undefined },
        ...([answer.status, text, retryAfter] as const),
      );
    }
  }

  /** The address in a Location header; one that is less safe than the registry itself is refused. */
  locate(location: string | undefined, base: URL, asked: { what: string; where: string }): URL {
    if (!location || !URL.canParse(location, base))
      throw new ProtocolError(asked, `does not say where to go on: '${location ?? ''}'`);
    const url = new URL(location, base);
    if (isSafe(url, this.#origin, this.#insecure)) return url;
    throw new ProtocolError(asked, `leads to ${url.protocol}//${url.host}, which is not safe`);
  }

  async #follow(
    url: URL,
    call: Call,
    authorization: string | undefined,
    asked: Asked,
  ): Promise<StreamAnswer> {
    let at = url;
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      // What is secret goes to the registry itself only, not to the storage that it may send us to.
      const own = authorization && at.origin === url.origin ? { authorization } : {};
      const { method, body, signal } = call;
      const answer = await this.#send({
        method,
        url: at,
        headers: { ...call.headers, ...own },
        body,
        signal,
      });
      const isRedirect =
        [301, 302, 303, 307, 308].includes(answer.status) && ['GET', 'HEAD'].includes(method);
      if (!isRedirect) return { ...answer, url: at };
      answer.body.resume();
      at = this.locate(answer.headers.location, at, asked);
    }
    throw new ProtocolError(asked, `redirects more than ${maxRedirects} times`);
  }
}

/** A repository of a registry: what every operation of this package is given. */
export interface Repository {
  registry: Registry;
  name: string;
}

/** `host/repository`, for messages. */
export function nameOf({ registry, name }: Repository): string {
  return `${registry.name}/${name}`;
}

/** The repository of a reference in a registry of its own, and what names the manifest in it. */
export function connect(
  reference: Reference,
  options?: RegistryOptions,
): { repository: Repository; target: string } {
  const registry = new Registry(reference.registry, options);
  return { repository: registry.repository(reference.repository), target: targetOf(reference) };
}

export function request(repository: Repository, call: Call): Promise<Answer> {
  return repository.registry.request(repository.name, call);
}
