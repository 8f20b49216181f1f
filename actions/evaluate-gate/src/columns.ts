import * as z from 'zod';

const name = z.string().min(1);

/** Which columns of predictions hold what; those that are not named are found by their usual names. */
export const columnsSchema = z.strictObject({
  id: name
    .optional()
    .describe(
      'What an example is called in every set of predictions. Default: `id`; without ids, examples are paired by their order.',
    ),
  label: name
    .optional()
    .describe('The true class or value. Default: `label`, `y_true`, `target` or `truth`.'),
  prediction: name
    .optional()
    .describe(
      'The predicted class or value. Default: `prediction`, `pred`, `y_pred` or `predicted`, else what the scores say.',
    ),
  score: z
    .union([name, z.array(name), z.record(name, name)])
    .optional()
    .describe(
      'The score of the positive class, or a column for each class. Default: `score` or `probability`, or all named `score_CLASS`.',
    ),
  weight: name.optional().describe('How much each example counts. Default: `weight`.'),
  query: name.optional().describe('The query of a document that is ranked. Default: `query` or `qid`.'),
  latency: name
    .optional()
    .describe(
      'Seconds that the prediction took; milliseconds where the name ends in `_ms`. Default: `latency`.',
    ),
  positive: z.coerce
    .string()
    .optional()
    .describe('The positive class of two. Default: 1, true, yes or positive.'),
  task: z
    .enum(['binary', 'multiclass', 'regression', 'ranking'])
    .optional()
    .describe('Default: what the columns suggest.'),
});
