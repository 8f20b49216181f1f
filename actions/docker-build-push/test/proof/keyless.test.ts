import { UserError } from '@mlops/core';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  openJudge,
  readBundle,
  sigstoreSigner,
  statementBytes,
  trainingStatement,
} from '../../src/proof/index.ts';
import { flipped, otherByte, sampleRecord, sampleSubject } from './records.ts';
import { identityToken, type LocalSigstore, startSigstore } from './sigstore.ts';

const issuer = 'https://token.actions.githubusercontent.com';
const workflow = 'https://github.com/acme/tumor/.github/workflows/ml.yml@refs/heads/main';
const payload = statementBytes(trainingStatement(sampleRecord(), sampleSubject));
const token = async () => identityToken({ iss: issuer, sub: workflow, repository: 'acme/tumor' });

let sigstore: LocalSigstore;
beforeAll(async () => {
  sigstore = await startSigstore();
});
afterAll(() => sigstore?.close());

const subject = 'https://github\\.com/acme/tumor/\\.github/workflows/.+@refs/heads/main';

async function standing(json: Buffer, roots: string, changes: { issuer?: string; subject?: string } = {}) {
  const judge = await openJudge([{ kind: 'sigstore', issuer, subject, trustedRoots: roots, ...changes }]);
  return judge.standingOf(await readBundle(json, 'the bundle'));
}

describe.each(['logged', 'stamped'] as const)('a keyless signature, %s', (kind) => {
  it('is of the identity that the authority certified, and of nobody else', async () => {
    const json = await sigstoreSigner(sigstore.services[kind], token)(payload);
    const roots = sigstore.roots[kind];
    expect(await standing(json, roots)).toEqual({ kind: 'trusted', by: workflow });
    expect(await standing(json, roots, { issuer: 'https://issuer.example' })).toMatchObject({
      kind: 'foreign',
    });
    // A part of the identity is another identity.
    for (const part of [
      'github\\.com/acme/tumor',
      'https://github\\.com/acme/.*/ml\\.yml',
      '.*@refs/heads/mai',
    ])
      expect(await standing(json, roots, { subject: part })).toMatchObject({ kind: 'foreign' });
    const judge = await openJudge([
      { kind: 'sigstore', issuer, subject: 'x', trustedRoots: roots },
      {
        kind: 'sigstore',
        issuer,
        subject,
        trustedRoots: `${sigstore.roots.stamped}\n${sigstore.roots.logged}\n`,
      },
    ]);
    expect(await judge.standingOf(await readBundle(json, 'the bundle'))).toMatchObject({ kind: 'trusted' });
  });

  it('is worth nothing by the roots of another Sigstore', async () => {
    const other = await startSigstore();
    try {
      const json = await sigstoreSigner(sigstore.services[kind], token)(payload);
      expect(await standing(json, other.roots[kind])).toMatchObject({ kind: 'broken' });
    } finally {
      await other.close();
    }
  });

  it('is worth nothing when any byte of it is another', async () => {
    const json = await sigstoreSigner(sigstore.services[kind], token)(payload);
    await fc.assert(
      fc.asyncProperty(otherByte, async (change) => {
        const judged = await standing(flipped(json, change), sigstore.roots[kind]).catch((error: unknown) => {
          if (!(error instanceof UserError)) throw error;
          return { kind: 'refused' };
        });
        expect(judged.kind).not.toBe('trusted');
      }),
      { numRuns: 300 },
    );
  });
});

it('needs the log that the roots promise', async () => {
  const json = await sigstoreSigner(sigstore.services.stamped, token)(payload);
  expect(await standing(json, sigstore.roots.logged)).toMatchObject({ kind: 'broken' });
});

it('tells why there is no signature', async () => {
  const sign = (text: string) => sigstoreSigner(sigstore.services.logged, async () => text)(payload);
  const error = await sign('no token at all').catch((error: unknown) => error);
  expect(error).toBeInstanceOf(UserError);
  expect(JSON.stringify([String(error), (error as UserError).cause])).not.toContain('no token at all');
  await expect(sign(identityToken({ iss: issuer }))).rejects.toThrow(/signing failed/);
  expect(() => sigstoreSigner({ fulcioUrl: 'http://127.0.0.1:1' }, token)).toThrow(/needs a witness/);
});
