import { isDeepStrictEqual } from 'node:util';
import { messageOf, UserError } from '@mlops/core';
import type { Bundle } from '@sigstore/bundle';
import { type Statement, statementSchema } from './predicate.ts';

/** How cosign, GitHub and others store a signed statement: Sigstore's bundle, version 0.3. */
export const bundleType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
export const payloadType = 'application/vnd.in-toto+json';

/** A signed statement as it is stored, and what it says; nobody has checked its signature yet. */
export interface SignedStatement {
  json: Buffer;
  bundle: Bundle;
  statement: Statement;
}

/**
 * Reads a bundle strictly: one signature, of one in-toto statement.
 *
 * @throws UserError for anything else
 */
export async function readBundle(json: Uint8Array, shown: string): Promise<SignedStatement> {
  const refused = (problem: string, cause?: unknown) =>
    new UserError(`${shown} is no signed statement: ${problem}`, {
      cause,
      advice: 'It may have been altered. Build and sign again, and look at who may write to the registry.',
    });
  const { bundleFromJSON, bundleToJSON } = await import('@sigstore/bundle');
  let bundle: Bundle;
  try {
    const given = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
    bundle = bundleFromJSON(given);
    // What parsing passes over, such as keys that nobody knows and other spellings of the same bytes, is not signed.
    if (!isDeepStrictEqual(withoutDefaults(given), withoutDefaults(bundleToJSON(bundle))))
      throw new Error('it has something in it that a bundle has not');
  } catch (cause) {
    throw refused(messageOf(cause), cause);
  }
  if (bundle.mediaType !== bundleType) throw refused(`it is of type '${bundle.mediaType}'`);
  if (bundle.content.$case !== 'dsseEnvelope')
    throw refused('it is a signature of bytes, without a statement');
  const { payload, payloadType: type, signatures } = bundle.content.dsseEnvelope;
  if (type !== payloadType) throw refused(`its content is of type '${type}'`);
  if (signatures.length !== 1) throw refused(`it has ${signatures.length} signatures instead of one`);
  // Nobody signs the key's name; one that contradicts the other was put there by somebody else.
  const { content: signer } = bundle.verificationMaterial;
  const hint = signer.$case === 'publicKey' ? signer.publicKey.hint : '';
  if (signatures[0]?.keyid && signatures[0].keyid !== hint) throw refused('it names two keys');
  let content: unknown;
  try {
    content = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (cause) {
    throw refused(`its content is no JSON: ${messageOf(cause)}`, cause);
  }
  const parsed = statementSchema.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refused(`'${issue?.path.join('.')}' of its statement: ${issue?.message}`);
  }
  return { json: Buffer.from(json), bundle, statement: parsed.data };
}

/** What a signature is made over: DSSE's pre-authentication encoding (github.com/secure-systems-lab/dsse, protocol.md). */
export function preAuthEncoding(payload: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `),
    payload,
  ]);
}

/** A bundle around a signature by a key that the verifier has to know. */
export async function keyBundle(payload: Buffer, signature: Buffer, keyHint: string): Promise<Buffer> {
  const { bundleToJSON, toDSSEBundle } = await import('@sigstore/bundle');
  const bundle = toDSSEBundle({ artifact: payload, artifactType: payloadType, signature, keyHint });
  // Clients in Go pass over signatures whose key is not called as they call it.
  for (const one of bundle.content.dsseEnvelope.signatures) one.keyid = '';
  return Buffer.from(JSON.stringify(bundleToJSON(bundle)));
}

/** Of sigstore_bundle.proto, with what it contains, and of DSSE's envelope. */
const fields = new Set(
  `mediaType verificationMaterial publicKey hint x509CertificateChain certificates certificate rawBytes tlogEntries
  logIndex logId keyId kindVersion kind version integratedTime inclusionPromise signedEntryTimestamp inclusionProof
  rootHash treeSize hashes checkpoint envelope canonicalizedBody timestampVerificationData rfc3161Timestamps
  signedTimestamp dsseEnvelope payload payloadType signatures sig keyid`.split(/\s+/),
);

/** Clients in other languages leave out what has its default value in Protocol Buffers' JSON. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, withoutDefaults(inner)] as const)
    .filter(([key, inner]) => !(fields.has(key) && isDefault(inner)));
  return Object.fromEntries(kept);
}

function isDefault(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return (
    value === undefined || value === null || value === '' || value === 0 || value === '0' || value === false
  );
}
