import * as z from 'zod';

const text = z.string().min(1);

export const expectSchema = z.strictObject({
  attestations: z.array(z.enum(['training', 'sbom', 'ml-bom', 'provenance'])).optional(),
  'other-predicates': z.array(text).optional(),
  commit: text.optional(),
  repository: text.optional(),
  ref: text.optional(),
  workflow: text.optional(),
  'model-digest': text.optional(),
  digest: text.optional(),
  'allow-dirty': z.boolean().optional(),
  layers: z
    .boolean()
    .optional()
    .describe('Whether every layer is fetched and checked byte by byte (default false).'),
  verdicts: z.array(z.enum(['pass', 'warn', 'fail', 'inconclusive', 'none'])).optional(),
});

export const filesSchema = z.strictObject({
  folder: text.optional(),
  model: text.optional(),
  metrics: z.array(text).optional(),
  package: text.optional(),
  code: z.boolean().optional(),
  'require-data': z.boolean().optional(),
});
