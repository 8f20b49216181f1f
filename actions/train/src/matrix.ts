import * as z from 'zod';

/** What `toJSON(matrix)` gives: the values that tell the jobs of a matrix apart, null in any other job. */
export const matrixSchema = z.record(z.string(), z.json()).nullable();
