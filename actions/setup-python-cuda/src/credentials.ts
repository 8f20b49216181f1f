import { UserError } from '@mlops/core';

/** One line of the input index-credentials. */
export interface Credential {
  /** What it belongs to: an address's host, or the name that an index has in pyproject.toml or in the inputs. */
  for: { host: string } | { name: string };
  /** Undefined for a token alone. */
  user: string | undefined;
  secret: string;
  /** Whether the token belongs into the addresses of a conda server (`/t/<token>/`). */
  inPath?: true;
}

/**
 * Reads lines of the form `https://user:token@host/…` or `name=user:token`, for pixi also `https://token@host` and
 * `https://host/t/token`. Errors repeat nothing of a line.
 */
export function parseCredentials(text: string): Credential[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const found = lines.flatMap((line, index) =>
    line && !line.startsWith('#') ? [parseLine(line, index + 1)] : [],
  );
  for (const [index, each] of found.entries())
    if (found.findIndex((other) => keyOf(other) === keyOf(each)) !== index)
      throw new UserError(`input index-credentials: there are two lines for ${keyOf(each)}`, {
        advice: 'Indexes of one host that want different credentials need names: name=user:token.',
      });
  return found;
}

function keyOf(credential: Credential): string {
  return 'host' in credential.for ? credential.for.host : credential.for.name;
}

function parseLine(line: string, number: number): Credential {
  const wrong = (what: string) =>
    new UserError(`input index-credentials, line ${number}: ${what}`, {
      advice: "Write each line as 'https://user:token@host/simple' or 'name=user:token'.",
    });
  if (/^https?:\/\//.test(line)) {
    if (!URL.canParse(line)) throw wrong('this is no address');
    const { hostname, username, password, pathname } = new URL(line);
    const inPath = decoded(/^\/t\/([^/]+)/.exec(pathname)?.[1] ?? '');
    if (inPath)
      return checked({ for: { host: hostname }, user: undefined, secret: inPath, inPath: true }, wrong);
    const [user, secret] = [decoded(username), decoded(password)];
    if (user === undefined || secret === undefined)
      throw wrong('user or token are not percent-encoded right');
    if (!user) throw wrong('the address has neither user nor token');
    return checked(
      secret
        ? { for: { host: hostname }, user, secret }
        : { for: { host: hostname }, user: undefined, secret: user },
      wrong,
    );
  }
  const [, name, user, secret] = /^([A-Za-z0-9][\w.-]*)=([^:]+):(.+)$/.exec(line) ?? [];
  if (!name || !user || !secret) throw wrong('it is neither an address nor name=user:token');
  return checked({ for: { name }, user, secret }, wrong);
}

/** The files that hold credentials separate their words by spaces. */
function checked(credential: Credential, wrong: (what: string) => UserError): Credential {
  if (/\s/.test(`${credential.user ?? ''}${credential.secret}`)) throw wrong('user or token contain a space');
  return credential;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** A secret in every spelling in which it may turn up in a log. */
export function spellings({ user, secret }: Credential): string[] {
  const encoded = encodeURIComponent(secret);
  return [
    ...new Set([
      secret,
      encoded,
      encoded.toLowerCase(),
      encoded.replace(/[!'()*]/g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(`${user ?? ''}:${secret}`).toString('base64'),
      Buffer.from(secret).toString('base64'),
    ]),
  ];
}
