export { type Attached, attach, attachedTo } from './attached.ts';
export { bundleType, readBundle, type SignedStatement } from './bundle.ts';
export type { Expectations, Required } from './check-expectations.ts';
export type { LocalFiles } from './check-files.ts';
export { type Check, checksTable } from './checks.ts';
export {
  chooseSigning,
  githubSigstore,
  type SignedBundle,
  type Signing,
  type SignMode,
  type SignOptions,
} from './choose-signer.ts';
export { bomLink, type CycloneDx } from './cyclonedx.ts';
export { attestationSource, attestationsIn, type IndexStatement, statementsIn } from './in-index.ts';
export { keyHint, readPrivateKey, readPublicKey } from './keys.ts';
export { isMlBom, type ModelCardFacts, mlBom } from './ml-bom.ts';
export {
  predicates,
  type Statement,
  statementSchema,
  type Training,
  type TrainingStatement,
  trainingPredicate,
  trainingSchema,
} from './predicate.ts';
export { type Attestation, type Proof, type ProveOptions, prove } from './prove.ts';
export { keySigner, publicSigstore, type Signer, type SigstoreServices, sigstoreSigner } from './sign.ts';
export { readSource, type Source } from './source.ts';
export { billsIn, type ImageBill, readSpdx, type Spdx, toCycloneDx } from './spdx.ts';
export { type StatementOptions, statement, statementBytes, trainingStatement } from './statement.ts';
export { resolveSubject, type Subject } from './subject.ts';
export { openJudge, type Standing, type Trust } from './trust.ts';
export { type Verification, type VerifyOptions, verifyProof } from './verify.ts';
