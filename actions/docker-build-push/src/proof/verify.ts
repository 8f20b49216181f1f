import { connect, parseReference, type RegistryOptions } from '@mlops/oci';
import { checkAttestations } from './check-attestations.ts';
import { checkContent, checkModelFiles } from './check-content.ts';
import { checkExpectations, type Expectations } from './check-expectations.ts';
import { checkFiles, type LocalFiles } from './check-files.ts';
import { type Check, Checks, checksTable } from './checks.ts';
import { chooseTraining } from './choose-training.ts';
import type { Training } from './predicate.ts';
import { resolveSubject } from './subject.ts';
import { openJudge, type Trust } from './trust.ts';
import { trustedAbout } from './trusted.ts';

export interface VerifyOptions {
  /** An image, an index or a model artifact. */
  reference: string;
  registry?: RegistryOptions | undefined;
  trust: readonly Trust[];
  expect?: Expectations | undefined;
  local?: LocalFiles | undefined;
  /** Whether every layer is pulled and its bytes checked, and not only that the registry has it (default false). */
  layers?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

export interface Verification {
  passed: boolean;
  checks: readonly Check[];
  /** What the reference names, as far as that could be found out. */
  digest: string | undefined;
  /** What was attested by somebody trusted. */
  training: Training | undefined;
  markdown: string;
}

/**
 * Checks the chain from data and code to what is in the registry. It fails closed: whatever is missing, unknown,
 * contradictory, altered or cannot be found out is a failed check, and all of them are told at once.
 *
 * @throws UserError for references and keys that are none
 */
export async function verifyProof(options: VerifyOptions): Promise<Verification> {
  const { reference, registry, trust, expect = {}, local, signal } = options;
  const { repository, target } = connect(parseReference(reference), registry);
  const checks = new Checks();
  const judge = await openJudge(trust);
  const subject = await checks.attempt('image', reference, () =>
    resolveSubject(repository, target, { signal }),
  );
  let training: Training | undefined;
  if (subject) {
    const { digest } = subject.descriptor;
    checks.add(
      'image',
      expect.digest ?? reference,
      digest,
      expect.digest === undefined || expect.digest === digest,
    );
    await checkContent(subject, checks, options);
    const trusted = await trustedAbout(subject, { judge, expect, checks, signal });
    training = chooseTraining(trusted, expect, checks);
    await checkAttestations(subject, trusted, training, { expect, checks, signal });
    if (training) {
      checkExpectations(training, expect, checks);
      checkModelFiles(subject, training, checks);
      if (local) await checkFiles(training, local, checks, { signal });
    } else if (local) checks.add('local files', 'an attestation to compare them with', 'none', false);
  }
  return {
    passed: checks.passed,
    checks: checks.all,
    digest: subject?.descriptor.digest,
    training,
    markdown: checksTable(checks.all),
  };
}
