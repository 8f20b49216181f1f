import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import * as z from 'zod';

/** Private keys as `cosign generate-key-pair` writes them. */
export function isCosignKey(pem: string): boolean {
  return /BEGIN ENCRYPTED (?:SIGSTORE|COSIGN) PRIVATE KEY/.test(pem);
}

const base64 = z.base64().transform((text) => Buffer.from(text, 'base64'));

/** In the PEM stands JSON: github.com/secure-systems-lab/go-securesystemslib, encrypted/encrypted.go. */
const schema = z.object({
  kdf: z.object({
    name: z.literal('scrypt'),
    // More than that would take minutes, and is in no key that cosign made.
    params: z.object({ N: z.int().max(2 ** 18), r: z.int().max(16), p: z.int().max(4) }),
    salt: base64,
  }),
  cipher: z.object({ name: z.literal('nacl/secretbox'), nonce: base64 }),
  ciphertext: base64,
});

/** The key in PKCS#8 (DER). Rejects where the password is wrong or the key is damaged. */
export async function decryptCosignKey(pem: string, password: string): Promise<Buffer> {
  const body = /-----BEGIN [A-Z ]+-----([^-]*)-----END/.exec(pem)?.[1] ?? '';
  const { kdf, cipher, ciphertext } = schema.parse(JSON.parse(Buffer.from(body, 'base64').toString()));
  const { N, r, p } = kdf.params;
  const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);
  const key = await derive(password, kdf.salt, 32, { N, r, p, maxmem: 256 * N * r });
  const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js');
  return Buffer.from(xsalsa20poly1305(key, cipher.nonce).decrypt(ciphertext));
}
