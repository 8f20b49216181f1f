export { type AliasChange, type RecordsBranch, withRecordsBranch } from './all-records.ts';
export { type Alias, type AliasMove, BranchStore, RecordsDeniedError } from './branch-store.ts';
export type {
  GateRecord,
  IntervalRecord,
  PlotsRecord,
  PredictionsRecord,
  RuleRecord,
  SliceRecord,
} from './gate-schema.ts';
export { sliceName, verdictSchema } from './gate-schema.ts';
export { gitFailure, gitWords, originOf, type Remote, ScratchRepository } from './git.ts';
export { givenInputs } from './given-inputs.ts';
export { jobRecordPath, writeJobRecord } from './job-record.ts';
export { isKept, type Kept, keepFile, keptFile, keptPath, mostKeptBytes } from './kept.ts';
export * from './schema.ts';
export { type FileRecord, type Measured, measuredOf, numberOf } from './units.ts';
