import { type KeyObject, verify as verifyBytes } from 'node:crypto';
import { messageOf, UserError } from '@mlops/core';
import type { Bundle } from '@sigstore/bundle';
import type { TrustedRoot } from '@sigstore/protobuf-specs';
import { preAuthEncoding, type SignedStatement } from './bundle.ts';
import { keyHint, kindOf, readPublicKey } from './keys.ts';
import { fetchRoots, githubRepository, publicRepository, readRoots } from './trusted-roots.ts';

/** Whose signatures count: the holder of a key, or an identity that a Sigstore authority certifies. */
export type Trust =
  | { kind: 'key'; pem: string }
  | {
      kind: 'sigstore';
      /** Who vouches for the identity, such as https://token.actions.githubusercontent.com. */
      issuer: string;
      /**
       * A regular expression that the whole identity matches, such as
       * `https://github\.com/acme/model/\.github/workflows/ml\.yml@refs/heads/main`.
       */
      subject: string;
      /**
       * Sigstore's trusted roots as JSON, one a line or one alone, as `gh attestation trusted-root` prints them.
       * Default: those of the public instance, and of GitHub's own for its workflows, fetched by TUF.
       */
      trustedRoots?: string | undefined;
    };

/** What a signature is worth. */
export type Standing =
  | { kind: 'trusted'; by: string }
  /** Nobody whom we trust claims to have made it. */
  | { kind: 'foreign'; why: string }
  /** It claims to be of somebody whom we trust, and is not what they signed. */
  | { kind: 'broken'; why: string };

export interface Judge {
  standingOf(signed: SignedStatement): Promise<Standing>;
}

/**
 * Reads keys and roots once, for all signatures.
 *
 * @throws UserError for keys, roots and expressions that are none, and when nobody is trusted
 */
export async function openJudge(trust: readonly Trust[]): Promise<Judge> {
  if (trust.length === 0)
    throw new UserError('there is nobody whose signatures would count', {
      advice: 'Name a public key, or the issuer and the identity of those who sign.',
    });
  const keys = trust.flatMap((one) => (one.kind === 'key' ? [readPublicKey(one.pem)] : []));
  const identities = await Promise.all(
    trust.flatMap((one) => (one.kind === 'sigstore' ? [identityOf(one)] : [])),
  );
  return {
    async standingOf({ bundle }) {
      const { content } = bundle.verificationMaterial;
      if (content.$case === 'publicKey') return standingByKey(bundle, content.publicKey.hint, keys);
      let standing: Standing = { kind: 'foreign', why: 'signed by an identity; only keys are trusted' };
      for (const identity of identities) {
        standing = await standingByIdentity(bundle, identity);
        if (standing.kind === 'trusted') break;
      }
      return standing;
    },
  };
}

function standingByKey(bundle: Bundle, hint: string, keys: readonly KeyObject[]): Standing {
  const key = keys.find((one) => keyHint(one) === hint);
  if (!key) return { kind: 'foreign', why: `signed with another key, '${hint}'` };
  const { payload, signature } = signedOf(bundle);
  const algorithm = kindOf(key, 'the key to verify with') === 'ecdsa-p256' ? 'sha256' : null;
  if (verifyBytes(algorithm, preAuthEncoding(payload), key, signature))
    return { kind: 'trusted', by: `the key ${hint}` };
  return { kind: 'broken', why: 'the signature is not of this content: one of them was altered' };
}

function signedOf({ content }: Bundle): { payload: Buffer; signature: Buffer } {
  if (content.$case !== 'dsseEnvelope') throw new Error('only bundles with an envelope get here');
  const { payload, signatures } = content.dsseEnvelope;
  return { payload, signature: signatures[0]?.sig ?? Buffer.alloc(0) };
}

interface Identity {
  issuer: string;
  subject: string;
  roots: TrustedRoot[];
}

async function standingByIdentity(bundle: Bundle, { issuer, subject, roots }: Identity): Promise<Standing> {
  const { PolicyError, toSignedEntity, toTrustMaterial, Verifier } = await import('@sigstore/verify');
  const problems: string[] = [];
  for (const root of roots) {
    const verifier = new Verifier(
      toTrustMaterial(root, () => {
        throw new Error('signed with a key, not by an identity');
      }),
      // An instance with a log promises that everything is in it; GitHub's own has a timestamp authority instead.
      {
        ...{ timestampThreshold: 1, tlogThreshold: root.tlogs.length ? 1 : 0 },
        ctlogThreshold: root.ctlogs.length ? 1 : 0,
      },
    );
    try {
      const policy = { subjectAlternativeName: `^(?:${subject})$`, extensions: { issuer } };
      const { identity } = verifier.verify(toSignedEntity(bundle), policy);
      return { kind: 'trusted', by: identity?.subjectAlternativeName ?? issuer };
    } catch (error) {
      if (error instanceof PolicyError) return { kind: 'foreign', why: messageOf(error) };
      problems.push(messageOf(error));
    }
  }
  return { kind: 'broken', why: [...new Set(problems)].join('; ') };
}

/** Of workflows on github.com. */
const githubIssuer = 'https://token.actions.githubusercontent.com';

async function identityOf({
  issuer,
  subject,
  trustedRoots,
}: Trust & { kind: 'sigstore' }): Promise<Identity> {
  try {
    new RegExp(`^(?:${subject})$`);
  } catch (cause) {
    throw new UserError(`the identity to trust is no regular expression: ${messageOf(cause)}`, {
      cause,
      advice: 'Put a \\ before each character that shall mean itself, as in github\\.com.',
    });
  }
  const repositories = issuer === githubIssuer ? [publicRepository, githubRepository] : [publicRepository];
  const roots = trustedRoots === undefined ? await fetchRoots(repositories) : await readRoots(trustedRoots);
  return { issuer, subject, roots };
}
