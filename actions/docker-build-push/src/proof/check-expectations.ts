import type { Checks } from './checks.ts';
import type { Training } from './predicate.ts';

/** What has to be attested: what it was made of, the bills of materials of image and model, and how it was built. */
export type Required = 'training' | 'sbom' | 'ml-bom' | 'provenance';

export interface Expectations {
  /** Default: `training`, `sbom` and `provenance`. */
  attestations?: readonly Required[] | undefined;
  /** Other predicates that may be attested too; one that nobody named fails. */
  otherPredicates?: readonly string[] | undefined;
  commit?: string | undefined;
  /** owner/name */
  repository?: string | undefined;
  ref?: string | undefined;
  workflow?: string | undefined;
  modelDigest?: string | undefined;
  /** The digest that the reference must name now. */
  digest?: string | undefined;
  /** Whether code that differed from its commit is accepted (default false). */
  allowDirty?: boolean | undefined;
  /** Verdicts of the gate that are accepted (default pass and warn); `none` where no gate was asked. */
  verdicts?: readonly (Training['gates'][number]['verdict'] | 'none')[] | undefined;
}

/** Holds what is attested against what is expected. */
export function checkExpectations(training: Training, expect: Expectations, checks: Checks): void {
  const { source, run, trainings, gates } = training;
  if (expect.commit !== undefined)
    checks.add('commit', expect.commit, source.commit, isCommit(source, expect.commit));
  if (expect.repository !== undefined)
    checks.add(
      'repository',
      expect.repository,
      source.repository ?? 'none',
      isRepository(source.repository, expect.repository),
    );
  if (expect.ref !== undefined) checks.same('ref', expect.ref, source.ref);
  if (expect.workflow !== undefined) checks.same('workflow', expect.workflow, run.workflow);
  if (!expect.allowDirty) {
    const isOther =
      source.checkout !== null && source.checkout !== source.commit && !run.event.startsWith('pull_request');
    const found = source.dirty
      ? 'changes that are not committed'
      : isOther
        ? `that of ${source.checkout}`
        : '';
    checks.add('code as committed', `that of ${source.commit}`, found || 'the same', found === '');
  }
  if (expect.modelDigest !== undefined) {
    const models = trainings.flatMap(({ model }) => model?.digest ?? []);
    checks.add(
      'model',
      expect.modelDigest,
      models.join(', ') || 'none',
      models.length > 0 && models.every((digest) => digest === expect.modelDigest),
    );
  }
  const accepted: readonly string[] = expect.verdicts ?? ['pass', 'warn'];
  if (gates.length === 0)
    checks.add('gate', accepted.join(' or '), 'no gate was asked', accepted.includes('none'));
  for (const { name, verdict } of gates)
    checks.add(
      name === null ? 'gate' : `gate of ${name}`,
      accepted.filter((one) => one !== 'none').join(' or '),
      verdict,
      accepted.includes(verdict),
    );
}

/** A pull request is of one commit, and what is checked out is its merge with the branch that it goes to. */
export function isCommit({ commit, checkout }: Training['source'], expected: string): boolean {
  return commit === expected || checkout === expected;
}

/** GitHub does not tell capitals apart. */
export function isRepository(found: string | null, expected: string): boolean {
  return found?.toLowerCase() === expected.toLowerCase();
}
