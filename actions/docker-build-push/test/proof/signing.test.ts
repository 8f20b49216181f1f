import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { UserError } from '@mlops/core';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  keyHint,
  keySigner,
  openJudge,
  readBundle,
  readPrivateKey,
  readPublicKey,
  statementBytes,
  trainingStatement,
} from '../../src/proof/index.ts';
import { flipped, otherByte, sampleRecord, sampleSubject } from './records.ts';

const spki = (key: KeyObject) => createPublicKey(key).export({ format: 'pem', type: 'spki' }).toString();
const pkcs8 = (key: KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }).toString();
const keys = {
  ecdsa: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
  ed25519: generateKeyPairSync('ed25519').privateKey,
};
const payload = statementBytes(trainingStatement(sampleRecord(), sampleSubject));

async function standing(bundle: Uint8Array, ...trusted: KeyObject[]) {
  const judge = await openJudge(trusted.map((key) => ({ kind: 'key', pem: spki(key) })));
  return judge.standingOf(await readBundle(bundle, 'the bundle'));
}

describe.each(Object.entries(keys))('a bundle signed with %s', (_, key) => {
  it('is of whoever has the key, among others that are trusted', async () => {
    const bundle = await keySigner(key)(payload);
    const other = generateKeyPairSync('ed25519').privateKey;
    expect(await standing(bundle, other, key)).toEqual({
      ...{ kind: 'trusted', by: `the key ${keyHint(createPublicKey(key))}` },
    });
    expect(await standing(bundle, other)).toMatchObject({ kind: 'foreign' });
    const { statement } = await readBundle(bundle, 'the bundle');
    expect(statementBytes(statement)).toEqual(payload);
  });

  it('is worth nothing when any byte of it is another', async () => {
    const bundle = await keySigner(key)(payload);
    await fc.assert(
      fc.asyncProperty(otherByte, async (change) => {
        const judged = await standing(flipped(bundle, change), key).catch((error: unknown) => {
          if (!(error instanceof UserError)) throw error;
          return { kind: 'refused' };
        });
        expect(judged.kind).not.toBe('trusted');
      }),
      { numRuns: 500 },
    );
  });

  it('is worth nothing with another content or another signature', async () => {
    const sign = keySigner(key);
    const bundle = JSON.parse((await sign(payload)).toString());
    await fc.assert(
      fc.asyncProperty(otherByte, fc.boolean(), async (change, ofPayload) => {
        const envelope = structuredClone(bundle.dsseEnvelope);
        const bytes = Buffer.from(ofPayload ? envelope.payload : envelope.signatures[0].sig, 'base64');
        const altered = flipped(bytes, change).toString('base64');
        if (ofPayload) envelope.payload = altered;
        else envelope.signatures[0].sig = altered;
        const json = Buffer.from(JSON.stringify({ ...bundle, dsseEnvelope: envelope }));
        const judged = await standing(json, key).catch((error: unknown) => {
          if (!(error instanceof UserError)) throw error;
          return { kind: 'broken' };
        });
        expect(judged.kind).toBe('broken');
      }),
      { numRuns: 200 },
    );
  });
});

it.each(Object.entries(keys))("is what Sigstore's own verifier takes, with %s", async (_, key) => {
  const publicKey = createPublicKey(key);
  const { bundle } = await readBundle(await keySigner(key)(payload), 'the bundle');
  const none = { mediaType: '', tlogs: [], certificateAuthorities: [], ctlogs: [], timestampAuthorities: [] };
  const rawBytes = publicKey.export({ format: 'der', type: 'spki' });
  const known = { [keyHint(publicKey)]: { rawBytes, keyDetails: 0 } };
  const thresholds = { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 };
  const verifier = new Verifier(toTrustMaterial(none, known), thresholds);
  expect(verifier.verify(toSignedEntity(bundle)).key.equals(publicKey)).toBe(true);
  expect(bundle.content).toMatchObject({ dsseEnvelope: { signatures: [{ keyid: '' }] } });
});

describe('readBundle', () => {
  it('refuses whatever is no bundle, in words', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        async (bytes) => {
          await expect(readBundle(bytes, 'the bundle')).rejects.toBeInstanceOf(UserError);
        },
      ),
    );
  });

  it('takes bundles as clients in Go write them: spread out, in another order, without defaults', async () => {
    const { mediaType, verificationMaterial, dsseEnvelope } = JSON.parse(
      (await keySigner(keys.ecdsa)(payload)).toString(),
    );
    const { payloadType, signatures } = dsseEnvelope;
    const written = {
      dsseEnvelope: { signatures: [{ sig: signatures[0].sig }], payloadType, payload: dsseEnvelope.payload },
      verificationMaterial: { publicKey: verificationMaterial.publicKey },
      mediaType,
    };
    const json = Buffer.from(JSON.stringify(written, undefined, 2));
    expect(await standing(json, keys.ecdsa)).toMatchObject({ kind: 'trusted' });
  });
});

/** Made for this test by Go's implementation, with the password `open sesame`. */
const ofCosign = {
  key: '{"kdf":{"name":"scrypt","params":{"N":65536,"r":8,"p":1},"salt":"Wjb/63okSVByZ0nkht/ikI1AL6SH/DzOS0jfpxqKmaQ="},"cipher":{"name":"nacl/secretbox","nonce":"f+N0HgLXRuii3+Mb9j7csBV3wdqoDiLR"},"ciphertext":"jF6mLrAzEa9/F3PoAXK0S/v0O/3hRyArw8sw2BrtVgwCrv9kUUrqcUYnSXE0JAJUrp/1FRADdq95df1ajO8VCk9qvI/XLyRDSnGZtgq4+VV4KpLLfLYpEecCyaUwVD6Qbp+2BvWRZjQcEG/3Etnr5/lTxXgUaLWfAPS+yAd1K8sqdXPQuFY+VlP3VuvLZgNxmFz88oNvfKS7IQ=="}',
  publicKey:
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8GLSmzwCv88uZwVpZ/yXNv1pMfUt05pjMBJn7DSWeoLbF9RLV/fRaCCAd203Rt+1enTTlmJ+9KFkjZbojdOe9g==',
};
const cosignPem = (json: string) =>
  `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${Buffer.from(json).toString('base64')}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`;

describe('keys', () => {
  it('are read with and without a password', async () => {
    const encrypted = keys.ecdsa
      .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'open' })
      .toString();
    expect((await readPrivateKey(encrypted, 'open')).equals(keys.ecdsa)).toBe(true);
    expect((await readPrivateKey(`\n${pkcs8(keys.ed25519)}\n`)).equals(keys.ed25519)).toBe(true);
    await expect(readPrivateKey(encrypted)).rejects.toThrow(/there is no password/);
    await expect(readPrivateKey(encrypted, 'other')).rejects.toThrow(/the password is wrong/);
  });

  it('are read as cosign writes them', async () => {
    const key = await readPrivateKey(cosignPem(ofCosign.key), 'open sesame');
    expect(createPublicKey(key).export({ format: 'der', type: 'spki' }).toString('base64')).toBe(
      ofCosign.publicKey,
    );
    await expect(readPrivateKey(cosignPem(ofCosign.key))).rejects.toThrow(/there is no password/);
    const costly = ofCosign.key.replace('65536', '1073741824');
    for (const [json, password] of [
      [ofCosign.key, 'open'],
      ['{}', ''],
      [costly, 'open sesame'],
    ] as const)
      await expect(readPrivateKey(cosignPem(json), password)).rejects.toThrow(/the password is wrong/);
  });

  it('are refused when they are of another kind, and never shown', async () => {
    const rsa = pkcs8(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
    const p384 = pkcs8(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey);
    for (const pem of [rsa, p384, rsa.slice(0, 300), 'hunter2']) {
      const error = await readPrivateKey(pem).catch((error: unknown) => error);
      expect(error).toBeInstanceOf(UserError);
      expect(String(error)).not.toContain(pem.slice(30, 60) || pem);
    }
    expect(() => readPublicKey(pkcs8(keys.ecdsa))).toThrow(/is a private key/);
    expect(() => readPublicKey('nothing')).toThrow(UserError);
  });
});

it('nobody to trust, and identities that are no expressions, are mistakes', async () => {
  await expect(openJudge([])).rejects.toBeInstanceOf(UserError);
  await expect(
    openJudge([{ kind: 'sigstore', issuer: 'https://issuer', subject: '(', trustedRoots: '{}' }]),
  ).rejects.toThrow(/no regular expression/);
  await expect(
    openJudge([{ kind: 'sigstore', issuer: 'https://issuer', subject: '.*', trustedRoots: 'nothing' }]),
  ).rejects.toThrow(/trusted roots cannot be read/);
});
