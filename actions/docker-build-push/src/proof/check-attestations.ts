import type { Descriptor } from '@mlops/oci';
import { type Expectations, isCommit } from './check-expectations.ts';
import type { Checks } from './checks.ts';
import { attestationSource, type IndexStatement, isAbout, statementsIn } from './in-index.ts';
import { isMlBom } from './ml-bom.ts';
import { predicates, type Statement, type Training } from './predicate.ts';
import { spdxSchema } from './spdx.ts';
import { platformName, type Subject } from './subject.ts';
import type { Trusted } from './trusted.ts';

interface Within {
  expect: Expectations;
  checks: Checks;
  signal: AbortSignal | undefined;
}

/** That everything is attested that has to be, for every platform, and that the parts agree. */
export async function checkAttestations(
  subject: Subject,
  trusted: readonly Trusted[],
  training: Training | undefined,
  { expect, checks, signal }: Within,
): Promise<void> {
  const required = expect.attestations ?? ['training', 'sbom', 'provenance'];
  if (required.includes('training'))
    checks.add('what it was made of', 'attested', training ? 'attested' : 'nothing', training !== undefined);
  const inIndex =
    (await checks.attempt("BuildKit's attestations", 'readable', () =>
      statementsIn(attestationSource(subject.repository, { signal }), subject.attestations),
    )) ?? [];
  // An index is signed by its digest, with all that is in it; without a signature nothing in it counts.
  const counted = trusted.length ? inIndex : [];
  const kinds = {
    sbom: { what: 'bill of materials', types: [predicates.spdx, predicates.cyclonedx] },
    'ml-bom': { what: 'bill of materials of the model', types: [predicates.cyclonedx] },
    provenance: { what: 'provenance', types: [predicates.provenance, predicates.provenanceBefore] },
  } as const;
  for (const kind of ['sbom', 'ml-bom', 'provenance'] as const) {
    const { what, types } = kinds[kind];
    const isKind = (type: string) => types.some((one) => one === type);
    const signed = trusted.filter(
      ({ statement: { predicateType, predicate } }) =>
        isKind(predicateType) && (kind === 'provenance' || isMlBom(predicate) === (kind === 'ml-bom')),
    );
    const built = kind === 'ml-bom' ? [] : counted.filter(({ predicateType }) => isKind(predicateType));
    const statements = [...signed.map(({ statement }) => statement), ...(await readAll(built, what, checks))];
    for (const one of statements)
      if (kind !== 'provenance') checkBill(one, what, checks);
      else if (training) checkRevision(one, training, checks);
    if (!required.includes(kind)) continue;
    const missing = platformsWithout(subject, (digest) => {
      const isSigned = signed.some(({ statement }) => covers(statement, digest, subject));
      return isSigned || built.some(({ about }) => about === digest);
    });
    checks.add(
      what,
      'attested',
      missing.length ? `nothing for ${missing.join(', ')}` : 'attested',
      missing.length === 0,
    );
  }
}

async function readAll(
  inIndex: readonly IndexStatement[],
  what: string,
  checks: Checks,
): Promise<Statement[]> {
  const read: Statement[] = [];
  for (const one of inIndex) {
    const statement = await checks.attempt(`${what} of ${one.about.slice(0, 19)}…`, 'readable', one.read);
    if (statement) read.push(statement);
  }
  return read;
}

function platformsWithout({ platforms, descriptor }: Subject, has: (digest: string) => boolean): string[] {
  const images: Descriptor[] = platforms.length ? platforms : [descriptor];
  return images.filter(({ digest }) => !has(digest)).map((one) => platformName(one) || 'it');
}

/** A statement about an index as a whole is about every image in it; one that names images is about these. */
function covers(statement: Statement, digest: string, { platforms }: Subject): boolean {
  return isAbout(statement, digest) || !platforms.some((one) => isAbout(statement, one.digest));
}

/** What calls itself a bill of materials has to be one. */
function checkBill({ predicateType, predicate }: Statement, what: string, checks: Checks): void {
  const { bomFormat } = (predicate ?? {}) as { bomFormat?: unknown };
  const isBill =
    predicateType === predicates.cyclonedx
      ? bomFormat === 'CycloneDX'
      : spdxSchema.safeParse(predicate).success;
  if (!isBill) checks.add(what, `a document of ${predicateType}`, 'something else', false);
}

/** BuildKit notes which commit the context was of. */
function checkRevision({ predicate }: Statement, { source }: Training, checks: Checks): void {
  const revision = revisionIn(predicate);
  if (revision === undefined) return;
  const commit = revision.replace(/-dirty$/, '');
  checks.add(
    'commit in the provenance',
    source.checkout ?? source.commit,
    revision,
    isCommit(source, commit),
  );
}

function revisionIn(predicate: unknown): string | undefined {
  if (typeof predicate !== 'object' || predicate === null) return undefined;
  for (const [key, value] of Object.entries(predicate)) {
    if (key === 'vcs') {
      const { revision } = (value ?? {}) as { revision?: unknown };
      return typeof revision === 'string' ? revision : undefined;
    }
    const isMetadata = ['metadata', 'runDetails', 'buildkit_metadata'].includes(key) || /buildkit/.test(key);
    const found = isMetadata ? revisionIn(value) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
