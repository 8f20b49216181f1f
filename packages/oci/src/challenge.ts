/** One way to authenticate that a server offers in WWW-Authenticate (RFC 9110, 11.6.1). */
export interface Challenge {
  /** In lower case, such as `bearer`. */
  scheme: string;
  /** By names in lower case. */
  parameters: Record<string, string>;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
// A parameter of the challenge before it, or else the scheme of the next one. Some servers do not quote addresses.
const part = new RegExp(`(${token})(?:\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s,"=]+)))?`, 'g');

/** Reads the challenges of one or more headers; what is malformed is left out. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  for (const [, name = '', quoted, plain] of header.matchAll(part)) {
    const value = quoted?.replace(/\\(.)/g, '$1') ?? plain;
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: {} });
    else Object.assign(challenges.at(-1)?.parameters ?? {}, { [name.toLowerCase()]: value });
  }
  return challenges;
}
