export type { Columns } from './columns.ts';
export { decode, encode } from './encode.ts';
export { type Pair, pairUp } from './pair.ts';
export { readPredictions } from './read.ts';
export type { PredictionTable } from './table.ts';
export type { Slice } from './texts.ts';
