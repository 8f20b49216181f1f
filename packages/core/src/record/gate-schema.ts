import * as z from 'zod';
import { bytes, content, digest, file, measured, milliseconds } from './units.ts';

/** What a gate records: its verdict, with the evidence that a report shows and a reader can check. */

const verdict = z.enum(['pass', 'warn', 'fail', 'inconclusive']);

const interval = z.object({ low: measured, high: measured, confidence: z.number() });

/** What is known of one number that is held against a bound. */
const finding = {
  candidate: measured.nullable(),
  baseline: measured.nullable(),
  change: measured
    .nullable()
    .describe('In the units of the rule, absolute or relative to the baseline; positive is better.'),
  interval: interval
    .optional()
    .describe(
      "Of the candidate's value for a threshold, else of the change; absent where no noise is known.",
    ),
  method: z.string().optional().describe('How the interval was found, for people.'),
  pValue: z
    .number()
    .optional()
    .describe(
      'One-sided, of the data if the bound was just met; of slices after correction for their number.',
    ),
  examples: z.int().optional().describe('Examples, or seeds or folds, that it rests on.'),
  needed: z.int().optional().describe('How many of them would have decided it, where it is inconclusive.'),
  explanation: z.string(),
};

const slice = z.object({
  column: z.string(),
  value: z.string(),
  ...finding,
  verdict: z.enum(['pass', 'fail', 'inconclusive', 'too-small']),
});

const rule = z.object({
  metric: z.string(),
  rule: z.string().describe('threshold, min_absolute_change, min_relative_change or non_inferiority_margin.'),
  bound: z.number(),
  pattern: z.string().optional().describe('As which the rule is written, where that is not its metric.'),
  columns: z
    .array(z.string())
    .optional()
    .describe('Whose values are the slices, or the groups, that the rule is asked of.'),
  ...finding,
  greaterIsBetter: z.boolean(),
  severity: z.enum(['fail', 'warn']),
  verdict,
  slices: z
    .array(slice)
    .optional()
    .describe('Where the rule is asked of every slice; its numbers are then those of the worst.'),
  worstSlice: z.string().optional().describe('`column=value`; for fairness, the two groups farthest apart.'),
});

/** Where examples came from, and what they are. */
const predictions = z.object({
  files: z.array(file),
  examples: z.int(),
  duplicates: z.int().describe('Examples whose id an earlier one has; they are left out.'),
  digest: digest.describe('Of ids, labels and what was predicted, whatever the format.'),
  testSet: digest.describe('Of ids and labels.'),
});

const plotPoint = z.tuple([z.number(), z.number()]);

/** What the report draws of the examples; of each, the baseline's where there is one. */
const plots = z.object({
  confusion: z
    .object({
      classes: z
        .array(z.string())
        .describe('At most 100: of more, those that are confused most, and the others together as the last.'),
      candidate: z
        .array(z.array(z.number()))
        .describe('A row for each true class, a column for each predicted.'),
      baseline: z.array(z.array(z.number())).optional(),
    })
    .optional(),
  roc: z
    .object({ candidate: z.array(plotPoint), baseline: z.array(plotPoint).optional() })
    .optional()
    .describe('False and true positive rates; at most 200 points.'),
  precisionRecall: z
    .object({ candidate: z.array(plotPoint), baseline: z.array(plotPoint).optional() })
    .optional()
    .describe('Recall and precision; at most 200 points.'),
  calibration: z
    .object({
      candidate: z.array(z.object({ predicted: z.number(), observed: z.number(), examples: z.int() })),
      baseline: z
        .array(z.object({ predicted: z.number(), observed: z.number(), examples: z.int() }))
        .optional(),
    })
    .optional()
    .describe('Mean score and share of positives of each bin that has examples.'),
  residuals: z
    .object({ candidate: z.array(plotPoint), baseline: z.array(plotPoint).optional() })
    .optional()
    .describe('True value and prediction of at most 500 examples, spread evenly.'),
});

export const gateSchema = z.object({
  verdict,
  passed: z.boolean(),
  rules: z.array(rule),
  name: z.string().optional().describe("The training's name, or `model`."),
  baseline: z
    .object({
      kind: z.enum(['file', 'git', 'alias', 'branch']),
      ref: z.string(),
      commit: z.string().nullable(),
      run: z.object({ id: z.string(), url: z.string().nullable() }).optional(),
      modelDigest: digest.optional(),
      parameters: z.record(z.string(), z.json()).optional(),
      inputs: z.array(content).optional().describe("What the baseline's stages read and no stage wrote."),
      durationMs: milliseconds.optional(),
      cost: z.object({ amount: z.number(), currency: z.string() }).optional(),
    })
    .nullable(),
  metrics: z
    .array(
      z.object({
        name: z.string(),
        greaterIsBetter: z.boolean().nullable().describe('Null where nobody said.'),
        candidate: measured.nullable(),
        candidateInterval: interval.optional(),
        baseline: measured.nullable(),
        change: measured
          .nullable()
          .describe('Candidate minus baseline; of predictions, over the examples that both have.'),
        changeInterval: interval.optional(),
      }),
    )
    .optional()
    .describe('Every metric that is known of candidate or baseline, with a rule or without.'),
  data: z
    .object({
      candidate: predictions.nullable(),
      baseline: predictions.nullable(),
      paired: z.int().nullable(),
      unpaired: z.object({ candidate: z.int(), baseline: z.int() }).nullable(),
      differentLabels: z.int().nullable().describe('Paired examples whose labels differ.'),
    })
    .optional(),
  plots: plots.optional(),
  settings: z.object({ resamples: z.int(), seed: z.int(), stratify: z.string().optional() }).optional(),
  versions: z.record(z.string(), z.string()).optional().describe('Of what judged.'),
  kept: z
    .object({ digest, bytes })
    .optional()
    .describe(
      'The predictions as they travel with the record, so that later runs can be compared with them.',
    ),
});

/** A verdict file. */
export const verdictSchema = gateSchema.extend({ schema: z.literal(1) });

export type RuleRecord = z.infer<typeof rule>;
export type SliceRecord = z.infer<typeof slice>;
export type IntervalRecord = z.infer<typeof interval>;
export type PredictionsRecord = z.infer<typeof predictions>;
export type PlotsRecord = z.infer<typeof plots>;
export type GateRecord = z.infer<typeof gateSchema>;

/** `site=Lyon`, as it is called in `worstSlice` and wherever people read of it. */
export function sliceName({ column, value }: Pick<SliceRecord, 'column' | 'value'>): string {
  return `${column}=${value || '(empty)'}`;
}
