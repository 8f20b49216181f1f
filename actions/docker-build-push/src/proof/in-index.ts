import { UserError } from '@mlops/core';
import { type Descriptor, manifestSchema, parseAs } from '@mlops/oci';
import type { ImageContent } from './content.ts';
import { type Statement, statementSchema } from './predicate.ts';

/** An attestation that BuildKit put into an index, about one of its images. */
export interface IndexStatement {
  /** The image that it is about, as the index says. */
  about: string;
  /** Of the attestation's manifest. */
  digest: string;
  predicateType: string;
  read(): Promise<Statement>;
}

const inToto = 'application/vnd.in-toto+json';
/** BuildKit's own limit of an attestation. */
const mostBytes = 40 * 1024 * 1024;

/**
 * What BuildKit attests in an index (docs/attestations/attestation-storage.md). It is part of the index, so whoever
 * signs the index's digest signs it too.
 *
 * @throws UserError where the registry has lost one of them
 */
export async function statementsIn(
  content: ImageContent,
  attestations: readonly Descriptor[],
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<IndexStatement[]> {
  const found: IndexStatement[] = [];
  for (const one of attestations) {
    const about = one.annotations?.['vnd.docker.reference.digest'] ?? '';
    const shown = `the attestations ${one.digest} of ${content.name}`;
    const bytes = await content.manifest(one.digest, { signal });
    for (const layer of parseAs(manifestSchema, bytes, shown).layers) {
      const predicateType = layer.annotations?.['in-toto.io/predicate-type'];
      if (layer.mediaType !== inToto || predicateType === undefined) continue;
      const read = () => readStatement(content, layer, { about, predicateType, shown, signal });
      found.push({ about, digest: one.digest, predicateType, read });
    }
  }
  return found;
}

async function readStatement(
  content: ImageContent,
  layer: Descriptor,
  {
    about,
    predicateType,
    shown,
    signal,
  }: { about: string; predicateType: string; shown: string; signal: AbortSignal | undefined },
): Promise<Statement> {
  const bytes = await content.blob(layer, { signal, limit: mostBytes });
  const statement = parseAs(statementSchema, bytes, shown);
  const refused = (problem: string) =>
    new UserError(`${shown} contradict themselves: ${problem}`, { advice: 'Build the image again.' });
  if (statement.predicateType !== predicateType)
    throw refused(`what is called '${predicateType}' is '${statement.predicateType}'`);
  if (!isAbout(statement, about)) throw refused(`a statement about ${about} is of something else`);
  return statement;
}

/** Whether a statement is about the digest. */
export function isAbout({ subject }: Pick<Statement, 'subject'>, digest: string): boolean {
  const [algorithm = '', hex = ''] = digest.split(':');
  return subject.some((one) => one.digest[algorithm] === hex);
}
