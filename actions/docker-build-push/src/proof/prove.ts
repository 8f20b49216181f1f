import type { RunRecord } from '@mlops/core/record';
import { artifactType } from '@mlops/oci/model';
import { attach } from './attached.ts';
import type { Signing } from './choose-signer.ts';
import type { CycloneDx } from './cyclonedx.ts';
import { attestationSource } from './in-index.ts';
import { type ModelCardFacts, mlBom } from './ml-bom.ts';
import { predicates, type Statement, type TrainingStatement } from './predicate.ts';
import { billsIn, toCycloneDx } from './spdx.ts';
import { type StatementOptions, statement, statementBytes, trainingStatement } from './statement.ts';
import { platformName, type Subject } from './subject.ts';

export interface ProveOptions extends StatementOptions {
  record: RunRecord;
  signing: Signing;
  /** Whether the image's bills of materials are attested as CycloneDX too (default false). */
  cyclonedx?: boolean | undefined;
  /** Whether the model's bill of materials is attested (default true; it takes a model in the record). */
  mlBom?: boolean | undefined;
  facts?: ModelCardFacts | undefined;
  signal?: AbortSignal | undefined;
}

/** What was attested, as the run record keeps it. */
export interface Attestation {
  predicateType: string;
  /** Of the manifest that carries it. */
  digest: string;
  signed: 'github' | 'keyless' | 'key';
  /** Its page on GitHub, where it has one. */
  url: string | undefined;
}

export interface Proof {
  attestations: Attestation[];
  training: TrainingStatement;
  /** Bills of materials as CycloneDX, by platform; that of the model under `model`. */
  bills: Map<string, CycloneDx>;
}

/**
 * Signs what an image or model artifact was made of, and its bills of materials, and attaches them to it in the
 * registry. The training's statement comes last, so that nobody takes half a proof for a whole one.
 */
export async function prove(subject: Subject, options: ProveOptions): Promise<Proof> {
  const { record, signing, signal } = options;
  const { name, descriptor } = subject;
  const isModel = JSON.parse(subject.bytes.toString()).artifactType === artifactType;
  const image = { name, digest: descriptor.digest, type: isModel ? ('file' as const) : undefined };
  const found = await billsIn(attestationSource(subject.repository, { signal }), subject.attestations);
  const bills = new Map<string, CycloneDx>();
  const statements: Statement[] = [];
  for (const { digest, spdx } of found) {
    const platform = subject.platforms.find((one) => one.digest === digest);
    const bill = toCycloneDx(spdx, { name, digest });
    bills.set(platform ? platformName(platform) : digest, bill);
    const about = { name, descriptor, platforms: platform ? [platform] : [] };
    if (options.cyclonedx) statements.push(statement(about, predicates.cyclonedx, bill));
  }
  const { training: only, facts = {} } = options;
  const ofModel = mlBom(record, image, { training: only, facts, bills: [...bills.values()] });
  if (options.mlBom !== false && ofModel.components.length) {
    bills.set('model', ofModel);
    statements.push(statement(subject, predicates.cyclonedx, ofModel));
  }
  const training = trainingStatement(record, subject, options);
  const attestations: Attestation[] = [];
  for (const one of [...statements, training]) {
    const { json, how, url } = await signing.sign(statementBytes(one));
    const pushed = await attach(
      subject.repository,
      descriptor,
      { json, predicateType: one.predicateType },
      { signal },
    );
    attestations.push({
      ...{ predicateType: one.predicateType, digest: pushed.descriptor.digest, signed: how, url },
    });
  }
  return { attestations, training, bills };
}
