import { type Attached, attachedTo } from './attached.ts';
import { readBundle, type SignedStatement } from './bundle.ts';
import type { Expectations } from './check-expectations.ts';
import type { Checks } from './checks.ts';
import { isAbout } from './in-index.ts';
import { predicates, type Statement, trainingPredicate } from './predicate.ts';
import type { Subject } from './subject.ts';
import type { Judge } from './trust.ts';

/** What somebody trusted has signed about the subject. */
export interface Trusted {
  digest: string;
  statement: Statement;
}

interface Within {
  judge: Judge;
  expect: Expectations;
  checks: Checks;
  signal: AbortSignal | undefined;
}

/** Every statement of somebody trusted that is attached to the subject, each about it and understood. */
export async function trustedAbout({ repository, descriptor }: Subject, within: Within): Promise<Trusted[]> {
  const { checks, signal } = within;
  const attached = await checks.attempt('attestations', 'signed ones', () =>
    attachedTo(repository, descriptor.digest, { signal }),
  );
  if (!attached) return [];
  const trusted: Trusted[] = [];
  const foreign: string[] = [];
  for (const one of attached) {
    const check = `attestation ${one.digest.slice(0, 19)}… (${one.predicateType ?? 'of no named kind'})`;
    await checks.attempt(check, 'a signature that is trusted', async () => {
      const signed = await readBundle(one.json, check);
      const standing = await within.judge.standingOf(signed);
      if (standing.kind === 'foreign') foreign.push(standing.why);
      else if (standing.kind === 'broken') checks.add(check, 'a whole signature', standing.why, false);
      else if (isUsable(one, signed, { check, digest: descriptor.digest, ...within })) {
        checks.add(check, 'a signature that is trusted', `by ${standing.by}`, true);
        trusted.push({ digest: one.digest, statement: signed.statement });
      }
    });
  }
  if (trusted.length === 0) {
    const others = foreign.length ? `; ${foreign.length} of others: ${[...new Set(foreign)].join('; ')}` : '';
    checks.add('attestations', 'at least one of somebody trusted', `none${others}`, false);
  }
  return trusted;
}

function isUsable(
  attached: Attached,
  { statement }: SignedStatement,
  { check, digest, expect, checks }: Within & { check: string; digest: string },
): boolean {
  if (!isAbout(statement, digest)) {
    const others = statement.subject.map((one) =>
      Object.entries(one.digest).map(([a, hex]) => `${a}:${hex}`),
    );
    return checks.add(check, `about ${digest}`, `about ${others.flat().join(', ')}`, false);
  }
  if (attached.predicateType !== undefined && attached.predicateType !== statement.predicateType)
    return checks.add(check, attached.predicateType, statement.predicateType, false);
  const known = [trainingPredicate, ...Object.values(predicates), ...(expect.otherPredicates ?? [])];
  return (
    known.includes(statement.predicateType) ||
    checks.add(check, 'a predicate that is known', statement.predicateType, false)
  );
}
