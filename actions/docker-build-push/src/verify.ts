import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '@mlops/core';
import { type Trust, verifyProof } from './proof/index.ts';
import type { ActionContext, Inputs } from './request.ts';

/** Checks the proof of an image, all of it, and fails unless every check passes. */
export async function verify(inputs: Inputs, context: ActionContext): Promise<void> {
  const { workingDirectory, signal, outputs, summary } = context;
  outputs.verified = false;
  const { reference, verifyExpect: expect, verifyFiles: files } = inputs;
  if (!reference)
    throw new UserError('there is nothing to verify', {
      advice: "Name the image: 'reference: ghcr.io/acme/tumor@sha256:…'.",
    });
  const here = (path: string | undefined) =>
    path === undefined ? undefined : resolve(workingDirectory, path);
  const found = await verifyProof({
    ...{ reference, trust: trustOf(inputs, workingDirectory), signal, layers: expect.layers },
    expect: {
      ...expect,
      otherPredicates: expect['other-predicates'],
      modelDigest: expect['model-digest'],
      allowDirty: expect['allow-dirty'],
    },
    ...(files && {
      local: {
        ...{ folder: here(files.folder), model: here(files.model), package: here(files.package) },
        ...{ metrics: files.metrics?.map((path) => resolve(workingDirectory, path)), code: files.code },
        requireData: files['require-data'],
      },
    }),
  });
  summary.push(`### Proof of ${reference}`, found.markdown);
  if (found.digest) outputs.digest = found.digest;
  for (const { check, expected, found: seen, passed } of found.checks)
    console.log(`${passed ? '✓' : '✗'} ${check}: ${passed ? seen : `expected ${expected}, found ${seen}`}`);
  if (!found.passed) {
    const failed = found.checks.filter(({ passed }) => !passed);
    throw new UserError(
      `the proof of ${reference} does not hold:\n${failed.map(({ check, expected, found: seen }) => `  ${check}: expected ${expected}, found ${seen}`).join('\n')}`,
      { advice: 'Do not deploy it before you know why. The summary has every check.' },
    );
  }
  outputs.verified = true;
}

function trustOf(inputs: Inputs, workingDirectory: string): Trust[] {
  const { publicKey, signerIssuer, signerIdentity, trustedRoot } = inputs;
  return [
    ...(publicKey ? [{ kind: 'key' as const, pem: pemOf(publicKey, workingDirectory) }] : []),
    ...(signerIdentity
      ? [
          {
            ...{ kind: 'sigstore' as const, issuer: signerIssuer, subject: signerIdentity },
            trustedRoots: trustedRoot,
          },
        ]
      : []),
  ];
}

/** The key itself, or the path of its file: a public key may lie in the repository. */
function pemOf(given: string, workingDirectory: string): string {
  if (given.includes('-----BEGIN')) return given;
  const path = resolve(workingDirectory, given);
  if (existsSync(path)) return readFileSync(path, 'utf8');
  throw new UserError(`the input 'public-key' is neither a key in PEM nor a file: '${given}'`, {
    advice: "It begins with '-----BEGIN PUBLIC KEY-----'.",
  });
}
