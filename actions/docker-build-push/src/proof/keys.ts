import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { messageOf, UserError } from '@mlops/core';
import { decryptCosignKey, isCosignKey } from './cosign-key.ts';

/** Keys that sign: ECDSA on P-256, which is what cosign makes, and Ed25519. */
export type KeyKind = 'ecdsa-p256' | 'ed25519';

/**
 * A private key in PEM: PKCS#8, encrypted or not, SEC1, or as cosign writes it. Nothing of it enters a message.
 *
 * @throws UserError for what is no such key, or the wrong password
 */
export async function readPrivateKey(pem: string, password?: string): Promise<KeyObject> {
  const text = pem.trim();
  const isCosigns = isCosignKey(text);
  const isEncrypted = isCosigns || /BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(text);
  if (isEncrypted && password === undefined)
    throw new UserError('the signing key is encrypted, and there is no password', {
      advice: 'Give the password too, as a secret.',
    });
  const key = await (isCosigns ? cosignKey(text, password ?? '') : plainKey(text, password)).catch(() => {
    // What the libraries say of it may quote it.
    throw new UserError(
      isEncrypted
        ? 'the signing key cannot be decrypted: the password is wrong, or the key is damaged'
        : 'the signing key is no private key in PEM',
      {
        advice:
          'Give the whole file, from -----BEGIN to -----END, with its line breaks, as a secret: openssl genpkey -algorithm ed25519 makes one.',
      },
    );
  });
  kindOf(key, 'the signing key');
  return key;
}

async function plainKey(key: string, passphrase: string | undefined): Promise<KeyObject> {
  return createPrivateKey({ key, format: 'pem', ...(passphrase !== undefined && { passphrase }) });
}

async function cosignKey(pem: string, password: string): Promise<KeyObject> {
  const key = await decryptCosignKey(pem, password);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

/**
 * A public key in PEM (SPKI).
 *
 * @throws UserError for what is no such key
 */
export function readPublicKey(pem: string): KeyObject {
  if (/PRIVATE KEY/.test(pem))
    throw new UserError('the key to verify with is a private key', {
      advice: 'Give its public half, which is no secret: openssl pkey -in signing.pem -pubout.',
    });
  let key: KeyObject;
  try {
    key = createPublicKey({ key: pem.trim(), format: 'pem' });
  } catch (cause) {
    throw new UserError(`the key to verify with is no public key in PEM: ${messageOf(cause)}`, {
      cause,
      advice: 'Give the whole file, from -----BEGIN PUBLIC KEY----- to its end.',
    });
  }
  kindOf(key, 'the key to verify with');
  return key;
}

/** How bundles name a public key: the sha256 of its SPKI in base64, as sigstore's clients do. */
export function keyHint(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ format: 'der', type: 'spki' }))
    .digest('base64');
}

export function kindOf(key: KeyObject, shown: string): KeyKind {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519') return 'ed25519';
  if (type === 'ec' && details?.namedCurve === 'prime256v1') return 'ecdsa-p256';
  const found = [type, details?.namedCurve].filter(Boolean).join(' on ');
  throw new UserError(`${shown} is ${found}, which is not used for signing here`, {
    advice: 'Use a key of Ed25519 or of ECDSA on P-256.',
  });
}
