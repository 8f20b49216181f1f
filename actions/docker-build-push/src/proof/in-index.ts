import { UserError } from '@mlops/core';
import {
  type Descriptor,
  getManifest,
  indexSchema,
  isIndexType,
  manifestSchema,
  nameOf,
  parseAs,
  type Repository,
  readBlob,
} from '@mlops/oci';
import * as z from 'zod';
import type { ImageSource } from '../image/facts.ts';
import { type Statement, statementSchema, subjectSchema } from './predicate.ts';
import { isAttestation } from './subject.ts';

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

/** A registry as what attestations are read from, which are larger than other small blobs. */
export function attestationSource(
  repository: Repository,
  { signal }: { signal?: AbortSignal | undefined } = {},
): ImageSource {
  return {
    name: nameOf(repository),
    async manifest(digest) {
      const { descriptor, bytes } = await getManifest(repository, digest, { signal });
      return { mediaType: descriptor.mediaType, bytes };
    },
    blob: (descriptor) => readBlob(repository, descriptor, { signal, limit: mostBytes }),
  };
}

/** The attestations of an index, in a registry or a layout; of a single image there are none. */
export async function attestationsIn(source: ImageSource, digest: string): Promise<Descriptor[]> {
  const { mediaType, bytes } = await source.manifest(digest);
  if (!isIndexType(mediaType)) return [];
  return parseAs(indexSchema, bytes, `the index ${digest} of ${source.name}`).manifests.filter(isAttestation);
}

/**
 * What BuildKit attests in an index (docs/attestations/attestation-storage.md). It is part of the index, so whoever
 * signs the index's digest signs it too.
 *
 * @throws UserError where the registry has lost one of them
 */
export async function statementsIn(
  source: ImageSource,
  attestations: readonly Descriptor[],
): Promise<IndexStatement[]> {
  const found: IndexStatement[] = [];
  for (const one of attestations) {
    const about = one.annotations?.['vnd.docker.reference.digest'] ?? '';
    const shown = `the attestations ${one.digest} of ${source.name}`;
    const { bytes } = await source.manifest(one.digest);
    for (const layer of parseAs(manifestSchema, bytes, shown).layers) {
      const predicateType = layer.annotations?.['in-toto.io/predicate-type'];
      if (layer.mediaType !== inToto || predicateType === undefined) continue;
      const read = () => readStatement(source, layer, { about, predicateType, shown });
      found.push({ about, digest: one.digest, predicateType, read });
    }
  }
  return found;
}

async function readStatement(
  source: ImageSource,
  layer: Descriptor,
  { about, predicateType, shown }: { about: string; predicateType: string; shown: string },
): Promise<Statement> {
  const bytes = await source.blob(layer);
  const found = parseAs(unnamedSchema, bytes, shown);
  const [algorithm = '', hex = ''] = about.split(':');
  // Of an image that is pushed by digest alone BuildKit names no subject; the index says what it is about.
  const subject = found.subject.length ? found.subject : [{ name: '', digest: { [algorithm]: hex } }];
  const statement: Statement = { ...found, subject };
  const refused = (problem: string) =>
    new UserError(`${shown} contradict themselves: ${problem}`, { advice: 'Build the image again.' });
  if (statement.predicateType !== predicateType)
    throw refused(`what is called '${predicateType}' is '${statement.predicateType}'`);
  if (!isAbout(statement, about)) throw refused(`a statement about ${about} is of something else`);
  return statement;
}

const unnamedSchema = statementSchema.extend({ subject: z.array(subjectSchema) });

/** Whether a statement is about the digest. */
export function isAbout({ subject }: Pick<Statement, 'subject'>, digest: string): boolean {
  const [algorithm = '', hex = ''] = digest.split(':');
  return subject.some((one) => one.digest[algorithm] === hex);
}
