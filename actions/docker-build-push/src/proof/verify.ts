import { connect, type Descriptor, parseReference, type RegistryOptions } from '@mlops/oci';
import { type Attached, attachedTo } from './attached.ts';
import { readBundle, type SignedStatement } from './bundle.ts';
import { checkContent, checkModelFiles } from './check-content.ts';
import { checkFiles, type LocalFiles } from './check-files.ts';
import { type Check, Checks, checksTable } from './checks.ts';
import { attestationSource, type IndexStatement, isAbout, statementsIn } from './in-index.ts';
import { isMlBom } from './ml-bom.ts';
import { predicates, type Statement, type Training, trainingPredicate, trainingSchema } from './predicate.ts';
import { canonical } from './statement.ts';
import { platformName, resolveSubject, type Subject } from './subject.ts';
import { type Judge, openJudge, type Trust } from './trust.ts';

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

/** What somebody trusted has signed about the subject. */
interface Trusted {
  digest: string;
  statement: Statement;
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

interface Within {
  judge: Judge;
  expect: Expectations;
  checks: Checks;
  signal: AbortSignal | undefined;
}

/** Every statement of somebody trusted that is attached to the subject, each about it and understood. */
async function trustedAbout({ repository, descriptor }: Subject, within: Within): Promise<Trusted[]> {
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

/** The one statement of what the subject was made of; two that contradict each other are as good as none. */
function chooseTraining(
  trusted: readonly Trusted[],
  expect: Expectations,
  checks: Checks,
): Training | undefined {
  const read = trusted
    .filter(({ statement }) => statement.predicateType === trainingPredicate)
    .map(({ digest, statement }) => ({ digest, parsed: trainingSchema.safeParse(statement.predicate) }));
  const found: Training[] = [];
  for (const { digest, parsed } of read) {
    const [issue] = parsed.error?.issues ?? [];
    if (parsed.success) found.push(parsed.data);
    else
      checks.add(
        `statement in ${digest.slice(0, 19)}…`,
        trainingPredicate,
        `${issue?.path.join('.')}: ${issue?.message}`,
        false,
      );
  }
  if (found.length < read.length) return undefined;
  // The same content may have been built by several runs; those that are not meant do not contradict.
  const meant = found.filter(
    ({ source }) =>
      (expect.commit === undefined || isCommit(source, expect.commit)) &&
      (expect.repository === undefined || sameRepository(source.repository, expect.repository)),
  );
  const [first, ...others] = meant.length ? meant : found;
  if (!first) return undefined;
  const contradictions = [...new Set(others.flatMap((other) => contradictionsOf(first, other)))];
  if (contradictions.length === 0) return first;
  checks.add(
    'statements',
    'one, or several that agree',
    `${others.length + 1} that differ in ${contradictions.join(', ')}`,
    false,
  );
  return undefined;
}

/** In what two statements differ that both tell of the same subject; their runs and times may. */
function contradictionsOf(one: Training, other: Training): string[] {
  const [essence, otherEssence] = [essenceOf(one), essenceOf(other)];
  const parts = Object.keys(essence) as (keyof typeof essence)[];
  return parts.filter((part) => canonical(essence[part]) !== canonical(otherEssence[part]));
}

/** What does not change when the same commit runs again and stages are skipped. */
function essenceOf({ source, trainings, gates }: Training) {
  return {
    code: [source.commit, source.tree, source.files],
    data: trainings.map(({ data }) => data),
    model: trainings.map(({ model }) => model),
    parameters: trainings.map(({ parameters }) => parameters),
    metrics: trainings.map(({ metrics }) => metrics),
    verdicts: gates.map(({ name, verdict }) => [name, verdict]),
  };
}

async function checkAttestations(
  subject: Subject,
  trusted: readonly Trusted[],
  training: Training | undefined,
  { expect, checks, signal }: Omit<Within, 'judge'>,
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
    if (kind === 'provenance' && training) for (const one of statements) checkRevision(one, training, checks);
    if (!required.includes(kind)) continue;
    const missing = signed.length ? [] : platformsWithout(subject, built);
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

function platformsWithout({ platforms, descriptor }: Subject, built: readonly IndexStatement[]): string[] {
  const images: Descriptor[] = platforms.length ? platforms : [descriptor];
  return images
    .filter(({ digest }) => !built.some(({ about }) => about === digest))
    .map((one) => platformName(one) || 'it');
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

function checkExpectations(training: Training, expect: Expectations, checks: Checks): void {
  const { source, run, trainings, gates } = training;
  if (expect.commit !== undefined)
    checks.add('commit', expect.commit, source.commit, isCommit(source, expect.commit));
  if (expect.repository !== undefined)
    checks.add(
      'repository',
      expect.repository,
      source.repository ?? 'none',
      sameRepository(source.repository, expect.repository),
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
function isCommit({ commit, checkout }: Training['source'], expected: string): boolean {
  return commit === expected || checkout === expected;
}

/** GitHub does not tell capitals apart. */
function sameRepository(found: string | null, expected: string): boolean {
  return found?.toLowerCase() === expected.toLowerCase();
}
