import * as z from 'zod';

/** What is asked of one metric, in the words of MLflow's MetricThreshold. */
const rule = z
  .strictObject({
    threshold: z.number().optional().describe('The value that the metric must reach.'),
    min_absolute_change: z
      .number()
      .optional()
      .describe(
        'How much better than the baseline the metric must be; negative tolerates as much worsening.',
      ),
    min_relative_change: z
      .number()
      .optional()
      .describe("The same, as a fraction of the baseline's magnitude: 0.05 is 5 %."),
    non_inferiority_margin: z
      .number()
      .min(0)
      .optional()
      .describe(
        'How much worse than the baseline the metric may be: min_absolute_change with the other sign.',
      ),
    greater_is_better: z
      .boolean()
      .optional()
      .describe(
        'The direction. Default: what is known of the name; false for errors, losses, times and costs, else true.',
      ),
    confidence: z
      .number()
      .min(0.5)
      .max(0.9999)
      .default(0.95)
      .describe('Of the interval that must clear the bound, where there are several seeds.'),
    severity: z
      .enum(['fail', 'warn'])
      .default('fail')
      .describe('What a rule that is not met makes of the verdict.'),
  })
  .refine((given) => boundNames.some((name) => given[name] !== undefined), {
    message: 'a rule needs threshold, min_absolute_change, min_relative_change or non_inferiority_margin',
  });

export const boundNames = [
  'threshold',
  'min_absolute_change',
  'min_relative_change',
  'non_inferiority_margin',
] as const;
export type BoundName = (typeof boundNames)[number];

export const rulesSchema = z.record(z.string(), rule).refine((rules) => Object.keys(rules).length > 0, {
  message: 'a gate without rules would let everything pass',
});

export type Rule = z.infer<typeof rule>;
export type Rules = z.infer<typeof rulesSchema>;

/** Whether any rule compares with a baseline. */
export function needBaseline(rules: Rules): boolean {
  return Object.values(rules).some((given) =>
    boundNames.some((name) => name !== 'threshold' && given[name] !== undefined),
  );
}
