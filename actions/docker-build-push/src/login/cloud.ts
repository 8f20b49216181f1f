import { DeadlineError, mask, messageOf, retry, UserError } from '@mlops/core';
import { ConnectionError, isPassing, openHttp, readAll, type Send } from '@mlops/oci';

/** Addresses of the clouds' services, for sovereign clouds and tests. */
export interface Endpoints {
  /** Default: AWS_ENDPOINT_URL_ECR, AWS_ENDPOINT_URL_ECR_PUBLIC, AWS_ENDPOINT_URL_STS or AWS_ENDPOINT_URL. */
  ecr?: string;
  ecrPublic?: string;
  awsSts?: string;
  /** Default: those of the domain GOOGLE_CLOUD_UNIVERSE_DOMAIN. */
  googleSts?: string;
  googleIam?: string;
  /** Default: AZURE_AUTHORITY_HOST. */
  azureAuthority?: string;
}

/** How much is put up with before a log-in fails. */
export interface Patience {
  /** How often a request is tried when it fails for a reason that may pass (default 5). */
  attempts?: number;
  /** First pause in milliseconds; doubles each time (default 500). */
  pauseMs?: number;
}

/** One question to a cloud's service. */
export interface Question {
  /** For messages, in the form `taking on the role`. */
  what: string;
  method?: 'GET' | 'POST';
  url: URL;
  headers?: Record<string, string>;
  body?: string;
  /** What to do when it is refused. */
  advice: string;
}

/** The way to the clouds: one set of connections, and all secrets that were come by. */
export interface Cloud {
  env: NodeJS.ProcessEnv;
  endpoints: Endpoints;
  /** The text of a good answer. */
  ask(question: Question): Promise<string>;
  /** Masks a secret at once, and keeps it out of messages; answers it. */
  secret(text: string): string;
}

const deadlineMs = 60_000;
const maxAnswerBytes = 1024 * 1024;
const passing = new Set([408, 429, 500, 502, 503, 504]);

/** Opens the way; see Cloud. */
export function openCloud(options: {
  env: NodeJS.ProcessEnv;
  endpoints: Endpoints;
  patience: Patience;
  signal: AbortSignal | undefined;
}): Cloud {
  const { env, endpoints, patience, signal } = options;
  const send = openHttp({ env, idleMs: 30_000 });
  const secrets = new Set<string>();
  const redact = (text: string) => {
    let clean = text;
    for (const secret of secrets) clean = clean.replaceAll(secret, '***');
    return clean;
  };
  return {
    ...{ env, endpoints },
    secret(text) {
      mask(text);
      if (text) secrets.add(text);
      return text;
    },
    ask: (question) =>
      retry((attempt) => once(send, question, redact, attempt), {
        ...{ what: question.what, deadlineMs, signal, ...patience },
        retryable: (error) => (error instanceof Refused ? passing.has(error.status) : isPassing(error)),
      }).catch((error: unknown) => {
        if (!(error instanceof DeadlineError)) throw error;
        const last = error.cause === undefined ? '' : `: ${messageOf(error.cause)}`;
        throw new UserError(`${error.message}${last}`, { cause: error, advice: 'Run this again later.' });
      }),
  };
}

/** A service of a cloud said no. */
class Refused extends UserError {
  readonly status: number;

  constructor({ what, url, advice }: Question, status: number, text: string) {
    super(`${what} failed: ${url.host} answered ${status}${text && `: ${text}`}`, { advice });
    this.status = status;
  }
}

async function once(
  send: Send,
  question: Question,
  redact: (text: string) => string,
  signal: AbortSignal,
): Promise<string> {
  const { method = 'POST', url, headers = {}, body, what } = question;
  const sent = body === undefined ? undefined : Buffer.from(body);
  const answer = await send({ method, url, headers, body: sent, signal }).catch((error: unknown) => {
    // As it stands it would advise on registries.
    if (!(error instanceof ConnectionError) || error.isPassing) throw error;
    const advice = `Check the network and proxy between here and ${url.host}.`;
    throw new UserError(`${what} failed: ${messageOf(error)}`, { cause: error, advice });
  });
  const text = ((await readAll(answer, maxAnswerBytes, url.host)) ?? '').toString();
  if (answer.status >= 200 && answer.status < 300) return text;
  // In this order: of a secret that was cut off, the beginning would stay.
  throw new Refused(question, answer.status, said(redact(text)));
}

/** The message in an error of any of the clouds: JSON of several shapes, or XML; else the beginning of the text. */
function said(text: string): string {
  const fromXml = /<Message>([\s\S]*?)<\/Message>/i.exec(text)?.[1];
  return (fromXml ?? fromJson(text) ?? text.replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);
}

interface Mistake {
  message?: unknown;
  Message?: unknown;
  error?: unknown;
  error_description?: unknown;
  errors?: { message?: unknown }[];
}

function fromJson(text: string): string | undefined {
  try {
    const { message, Message, error, error_description, errors } = (JSON.parse(text) ?? {}) as Mistake;
    const nested = (error as Mistake | undefined)?.message;
    const found = error_description ?? message ?? Message ?? nested ?? errors?.[0]?.message ?? error;
    return typeof found === 'string' ? found : undefined;
  } catch {
    return undefined;
  }
}

/**
 * One text in an answer of JSON, by the keys that lead to it.
 *
 * @throws UserError when it is not there
 */
export function textIn(answer: string, keys: readonly (string | number)[], { what, url }: Question): string {
  try {
    let found: unknown = JSON.parse(answer);
    for (const key of keys) found = (found as Record<string | number, unknown>)[key];
    if (typeof found === 'string' && found) return found;
  } catch {
    // Answered below, without quoting what may be secret.
  }
  throw new UserError(`${what} failed: ${url.host} answered without '${keys.join('.')}'`, {
    advice: 'Check that the address is that of the service, and what stands between here and it.',
  });
}

/** A form as HTML sends it. */
export function form(fields: Record<string, string>): Pick<Question, 'headers' | 'body'> {
  return {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  };
}
