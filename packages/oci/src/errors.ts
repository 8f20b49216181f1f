import { UserError } from '@mlops/core';

/** What was asked of a registry, as far as it helps to understand why it was refused. */
export interface Asked {
  /** In the form `pushing the manifest 'v1'`. */
  what: string;
  /** `host/repository` */
  where: string;
  writes: boolean;
  /** Whether credentials went along. */
  authenticated: boolean;
}

/** A registry, or something before it, refused. */
export class RegistryError extends UserError {
  readonly status: number;
  /** The codes of the distribution specification in the answer, such as `MANIFEST_UNKNOWN`. */
  readonly codes: readonly string[];
  /** How many milliseconds the registry asks to wait before the next try. */
  readonly retryAfterMs: number | undefined;

  constructor(asked: Asked, status: number, body: string, retryAfter: string | undefined) {
    const { codes, text } = readErrors(body);
    super(`${asked.what} failed: ${asked.where} answered ${status}${text && `: ${text}`}`, {
      advice: adviceFor(status, asked),
    });
    this.status = status;
    this.codes = codes;
    this.retryAfterMs = parseRetryAfter(retryAfter);
  }
}

/** No answer came: the name is unknown, nobody listens, the connection was cut, or nothing moved for too long. */
export class ConnectionError extends UserError {
  /** Whether another try may help: not against a certificate, or a name that nobody has. */
  readonly isPassing: boolean;

  constructor(host: string, cause: unknown) {
    const { code = '', text } = causeOf(cause);
    const isUntrusted = /^(?:CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT)/.test(code);
    super(`the connection to ${host} failed: ${text}`, {
      cause,
      advice: isUntrusted
        ? "Have Node trust the registry's certificate: name the file of its authority in NODE_EXTRA_CA_CERTS."
        : 'Check the name of the registry, and the network and proxy between here and there.',
    });
    this.isPassing = !isUntrusted && !/^(?:ENOTFOUND|EPROTO|ERR_SSL_)/.test(code);
  }
}

/** An answer that no registry should give, and that is not used. */
export class ProtocolError extends UserError {
  constructor({ what, where }: Pick<Asked, 'what' | 'where'>, problem: string) {
    super(`${what} failed: ${where} ${problem}`, {
      advice: 'Check that this is a registry of OCI images, and what stands between here and it.',
    });
  }
}

const passing = new Set([408, 429, 500, 502, 503, 504]);

/** For core's `retry`: whether another try may help, and after how long where the registry says so. */
export function isPassing(error: unknown): boolean | number {
  if (error instanceof ConnectionError) return error.isPassing;
  if (!(error instanceof RegistryError) || !passing.has(error.status)) return false;
  return error.retryAfterMs ?? true;
}

function adviceFor(status: number, { where, writes, authenticated }: Asked): string {
  switch (status) {
    case 401:
      return authenticated
        ? `The credentials are not accepted for ${where}: check that they are right, not expired, and for this registry.`
        : `Log in to the registry first (docker login), or give a user and a token that may ${writes ? 'push to' : 'pull from'} ${where}.`;
    case 403:
      return `Give the credentials the right to ${writes ? 'push to' : 'pull from'} ${where}; on GitHub's registry the job needs 'permissions: packages: ${writes ? 'write' : 'read'}'.`;
    case 404:
      return 'Check the name, the tag and the digest; what is private also looks missing to whoever may not see it.';
    case 413:
      return 'Raise the limit of request bodies in the registry or the proxy before it, or push in smaller chunks.';
    case 429:
      return 'Wait and run this again; registries let those who log in ask more often.';
    default:
      return status >= 500
        ? 'The registry has a problem of its own: run this again later, or ask those who run it.'
        : 'Check that the registry supports this, and what it says.';
  }
}

interface Answered {
  errors?: { code?: unknown; message?: unknown }[];
}

/** The specification's JSON, or the beginning of whatever a proxy wrote. */
function readErrors(body: string): { codes: string[]; text: string } {
  let errors: Answered['errors'];
  try {
    errors = (JSON.parse(body) as Answered | null)?.errors;
  } catch {
    // Text or HTML.
  }
  if (!Array.isArray(errors)) return { codes: [], text: oneLine(body.replace(/<[^>]*>/g, ' ')) };
  const codes = errors.map(({ code }) => String(code));
  return { codes, text: oneLine(errors.map(({ code, message }) => `${code}: ${message ?? ''}`).join('; ')) };
}

function oneLine(text: string): string {
  return text
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
    .slice(0, 300);
}

/** Seconds or a date (RFC 9110, 10.2.3), in milliseconds from now. */
function parseRetryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function causeOf(cause: unknown): { code: string | undefined; text: string } {
  // Several addresses were tried, each with its own failure.
  if (cause instanceof AggregateError) return causeOf(cause.errors[0]);
  const { code, message = String(cause) } = cause as NodeJS.ErrnoException;
  return { code, text: code && !message.includes(code) ? `${message} (${code})` : message };
}
