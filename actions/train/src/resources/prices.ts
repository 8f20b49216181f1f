import * as z from 'zod';

const price = z.number().min(0);

/** Prices by a part of a name: `A100` is that of every `NVIDIA A100-SXM4-40GB`, and the longest part that fits counts. */
const byName = z.record(z.string().min(1), price);

const hourly = z.strictObject({
  runner: z
    .union([price, byName])
    .optional()
    .describe('Of the whole machine, or by a part of the name of the runner.'),
  'cpu-core': price.optional().describe('Of each core that the run may use.'),
  gpu: z.union([price, byName]).optional().describe('Of each GPU, or by a part of its name.'),
});

/** The input `prices`: what machines and energy cost. */
export const pricesSchema = z.strictObject({
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/, "a currency is three capital letters, such as 'EUR'")
    .default('USD')
    .describe('Of all prices here and of the budget, such as `EUR`.'),
  hour: z
    .union([price, hourly])
    .optional()
    .describe(
      "Of an hour: one number, or `runner`, `cpu-core` and `gpu`. Default: GitHub's prices on its runners.",
    ),
  kwh: price.optional().describe('Of a kilowatt hour; on runners that GitHub hosts their price includes it.'),
  co2: price.optional().describe('Grams of CO₂ for a kilowatt hour.'),
});

export type Prices = z.infer<typeof pricesSchema>;
