import { hash } from 'node:crypto';

/** What GitHub takes: https://github.com/actions/toolkit/blob/main/packages/cache/src/cache.ts, checkKey */
const maxLength = 512;
const hashLength = 64;

/**
 * A key as GitHub's cache takes it: characters other than printable ASCII, commas and `%` are percent-encoded, so
 * different keys stay different and a prefix stays a prefix. Past 512 characters the end becomes a hash of the whole;
 * a prefix longer than 447 characters then no longer matches.
 */
export function cacheKey(key: string): string {
  const encoded = encode(key, /[^!-~]|[,%]/gu);
  if (encoded.length <= maxLength) return encoded;
  return `${encoded.slice(0, maxLength - hashLength - 1)}-${hash('sha256', key)}`;
}

/** A name as GitHub's artifacts take it: `" : < > | * ? \ /` and line breaks are percent-encoded. */
export function artifactName(name: string): string {
  return encode(name, /[":<>|*?\r\n\\/%]/g);
}

/** The key or name that was encoded; of a shortened key, its shortened form. */
export function decoded(encodedKey: string): string {
  try {
    return decodeURIComponent(encodedKey);
  } catch {
    return encodedKey; // Cut in the middle of a character, or not one of ours.
  }
}

function encode(text: string, illegal: RegExp): string {
  return text
    .toWellFormed()
    .replace(illegal, (character) =>
      [...Buffer.from(character)]
        .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
        .join(''),
    );
}
