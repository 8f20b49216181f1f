import { annotate, type GitHub } from '@mlops/core';
import {
  type BranchStore,
  type GateRecord,
  isKept,
  type Kept,
  keepFile,
  keptPath,
  mostKeptBytes,
} from '@mlops/core/record';
import type { PredictionTable } from '@mlops/predictions';

/** Has the report take predictions along with the record, so that later runs can be compared with them. */
export async function keepPredictions(table: PredictionTable, github: GitHub): Promise<Kept | undefined> {
  const { encode } = await import('@mlops/predictions');
  const content = await encode(table);
  const kept = await keepFile(github, content);
  if (!kept)
    annotate(
      'notice',
      `The predictions are not kept: they have ${megabytes(content.length)} MB, and at most ${megabytes(mostKeptBytes)} MB stay with a record. Later runs compare their metrics with this one's, not example by example.`,
    );
  return kept;
}

/** The predictions that one of a run's gates kept; undefined, with a notice that says why, where there are none. */
export async function keptPredictions(
  store: BranchStore,
  gates: readonly GateRecord[],
  ref: string,
  testSet: string,
): Promise<PredictionTable | undefined> {
  const all = gates.filter(({ kept }) => kept);
  const gate = all.findLast(({ data }) => data?.candidate?.testSet === testSet) ?? all.at(-1);
  if (!gate?.kept) return without(ref, 'its run kept none');
  const content = await store.file(keptPath(gate.kept.digest));
  if (!content) return without(ref, 'they did not reach the records branch');
  if (!isKept(content, gate.kept)) return without(ref, 'what is on the records branch has another digest');
  const { decode } = await import('@mlops/predictions');
  return decode(content, `the predictions of '${ref}'`);
}

/** Says that a baseline has no predictions, and what is done. */
export function without(ref: string, why: string): undefined {
  annotate(
    'notice',
    `There are no predictions of '${ref}': ${why}. Its metrics are compared instead, without the noise of examples.`,
  );
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1024 / 1024);
}
