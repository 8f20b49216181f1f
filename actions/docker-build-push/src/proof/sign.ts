import { createPublicKey, type KeyObject, sign as signBytes } from 'node:crypto';
import { messageOf, UserError } from '@mlops/core';
import { keyBundle, payloadType, preAuthEncoding } from './bundle.ts';
import { keyHint, kindOf } from './keys.ts';

/** Makes a Sigstore bundle of a statement's bytes. */
export type Signer = (payload: Buffer) => Promise<Buffer>;

/** Signs with a private key. Whoever verifies needs its public half; there is no log and no authority. */
export function keySigner(privateKey: KeyObject): Signer {
  const isEcdsa = kindOf(privateKey, 'the signing key') === 'ecdsa-p256';
  const hint = keyHint(createPublicKey(privateKey));
  return async (payload) =>
    keyBundle(payload, signBytes(isEcdsa ? 'sha256' : null, preAuthEncoding(payload), privateKey), hint);
}

/** Where a keyless signature gets its certificate and its time from. */
export interface SigstoreServices {
  fulcioUrl: string;
  /** The public log; absent where the signature shall not be published. */
  rekorUrl?: string | undefined;
  /** A timestamp authority (RFC 3161); needed where there is no log. */
  tsaUrl?: string | undefined;
}

/** Sigstore's public instance: everybody can read there who signed what. */
export const publicSigstore: SigstoreServices = {
  fulcioUrl: 'https://fulcio.sigstore.dev',
  rekorUrl: 'https://rekor.sigstore.dev',
};

/**
 * Signs without a key of one's own: with one that lives as long as the signature takes, certified for the identity in
 * an OpenID token, such as a workflow's.
 */
export function sigstoreSigner(services: SigstoreServices, token: () => Promise<string>): Signer {
  const { fulcioUrl, rekorUrl, tsaUrl } = services;
  if (!rekorUrl && !tsaUrl)
    throw new UserError('a keyless signature needs a witness of its time, and there is none', {
      advice: 'Name a transparency log (Rekor), a timestamp authority, or both.',
    });
  return async (payload) => {
    const [{ DSSEBundleBuilder, FulcioSigner, RekorWitness, TSAWitness }, { bundleToJSON }] =
      await Promise.all([import('@sigstore/sign'), import('@sigstore/bundle')]);
    const patience = { timeout: 30_000, retry: 4 };
    let secret = '';
    const getToken = async () => {
      secret = await token();
      return secret;
    };
    const signer = new FulcioSigner({
      ...{ fulcioBaseURL: fulcioUrl, identityProvider: { getToken }, ...patience },
    });
    const witnesses = [
      ...(rekorUrl ? [new RekorWitness({ rekorBaseURL: rekorUrl, fetchOnConflict: true, ...patience })] : []),
      ...(tsaUrl ? [new TSAWitness({ tsaBaseURL: tsaUrl, ...patience })] : []),
    ];
    try {
      const bundle = await new DSSEBundleBuilder({ signer, witnesses }).create({
        data: payload,
        type: payloadType,
      });
      return Buffer.from(JSON.stringify(bundleToJSON(bundle)));
    } catch (error) {
      // The library quotes tokens that it cannot read, so that nothing of its errors is handed on but their words.
      const reasons = reasonsOf(error);
      throw new UserError(`signing failed: ${secret ? reasons.replaceAll(secret, '***') : reasons}`, {
        advice: `Check that ${[fulcioUrl, rekorUrl, tsaUrl].filter(Boolean).join(' and ')} can be reached from here, and run this again.`,
      });
    }
  };
}

/** Sigstore's errors say what failed, and their causes why. */
function reasonsOf(error: unknown): string {
  const reasons: string[] = [];
  for (let at = error; at && reasons.length < 4; at = (at as { cause?: unknown }).cause)
    reasons.push(messageOf(at));
  return [...new Set(reasons)].join(': ');
}
