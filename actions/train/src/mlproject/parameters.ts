import * as z from 'zod';

/** The input `parameters`: name → value. */
export const parametersSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
