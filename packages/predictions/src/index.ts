export type { Columns } from './columns.ts';
export { type Pair, pairUp } from './pair.ts';
export { readPredictions } from './read.ts';
export type { PredictionTable, Slice } from './table.ts';
