import type { StageRecord } from '@mlops/core/record';
import type { OutputDigest } from './outputs.ts';
import type { Conventions } from './results.ts';

/** What a training consists of: stages of ours, or the project of another tool. */
export interface Workload {
  /** Runs whatever has to run. */
  run(): Promise<void>;
  /** What has become of its stages so far, for the record. */
  stages(): StageRecord[];
  /** What its stages wrote, or had written when they were skipped. */
  outputs(): OutputDigest[];
  /** Reads metrics and curves by the conventions of another tool. */
  metrics?: Conventions;
  /** Files beside model and metrics that the artifact is to hold. */
  extras?(): string[];
}
