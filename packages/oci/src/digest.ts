import { createHash, type Hash } from 'node:crypto';
import { UserError } from '@mlops/core';

/** `sha256:<hex>` of bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Hashes as the digest was hashed: sha256 or sha512, which are those that OCI registers. */
export function hashFor(digest: string): { hash: Hash; digest: () => string } {
  const algorithm = algorithmOf(digest);
  const hash = createHash(algorithm);
  return { hash, digest: () => `${algorithm}:${hash.digest('hex')}` };
}

/**
 * Bytes are not what their digest says. Whoever sits between here and the registry, or the registry itself, altered
 * them: they are never used.
 */
export class DigestError extends UserError {
  constructor(what: string, expected: string, found: string) {
    super(`${what} is not what was asked for: its digest is ${found} instead of ${expected}`, {
      advice:
        'A proxy, a cache or the registry itself alters what it hands out; look at what is between, and do not use it.',
    });
  }
}

/** @throws DigestError when `bytes` are not those of `expected` */
export function verify(what: string, bytes: Uint8Array, expected: string): void {
  const { hash, digest } = hashFor(expected);
  hash.update(bytes);
  const found = digest();
  if (found !== expected) throw new DigestError(what, expected, found);
}

function algorithmOf(digest: string): string {
  const [algorithm = ''] = digest.split(':');
  if (algorithm !== 'sha256' && algorithm !== 'sha512')
    throw new UserError(`the digest '${digest}' is of an unknown kind`, {
      advice: 'Use a digest that begins with sha256: or sha512:.',
    });
  return algorithm;
}
