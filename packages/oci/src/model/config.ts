import { UserError } from '@mlops/core';
import * as z from 'zod';

const date = z.iso.datetime({ offset: true });
const modality = z.enum(['text', 'image', 'audio', 'video', 'embedding', 'other']);

/** What is known of a model as a whole (model specification, `descriptor`). */
const descriptorSchema = z.strictObject({
  createdAt: date.optional(),
  authors: z.array(z.string()).optional(),
  vendor: z.string().optional(),
  family: z.string().optional(),
  name: z.string().min(1).optional(),
  version: z.string().optional(),
  title: z.string().optional(),
  description: z.string().optional(),
  docURL: z.string().optional(),
  sourceURL: z.string().optional(),
  datasetsURL: z.array(z.string()).optional(),
  revision: z.string().optional(),
  licenses: z.array(z.string()).optional(),
});

/** And of its inside (`config`). */
const technicalSchema = z.strictObject({
  architecture: z.string().optional(),
  format: z.string().optional(),
  paramSize: z.string().optional(),
  precision: z.string().optional(),
  quantization: z.string().optional(),
  capabilities: z
    .strictObject({
      inputTypes: z.array(modality).optional(),
      outputTypes: z.array(modality).optional(),
      knowledgeCutoff: date.optional(),
      reasoning: z.boolean().optional(),
      toolUsage: z.boolean().optional(),
      reward: z.boolean().optional(),
      languages: z.array(z.string().regex(/^[a-z]{2}$/)).optional(),
    })
    .optional(),
});

/** `application/vnd.cncf.model.config.v1+json`, as schema/config-schema.json of the specification has it. */
export const modelConfigSchema = z.strictObject({
  descriptor: descriptorSchema,
  modelfs: z.strictObject({ type: z.literal('layers'), diffIds: z.array(z.string()).min(1) }),
  config: technicalSchema,
});
export type ModelConfig = z.infer<typeof modelConfigSchema>;

export const factsSchema = z.strictObject({
  descriptor: descriptorSchema.optional(),
  config: technicalSchema.optional(),
});
/** What is said of a model besides its files. */
export type ModelFacts = z.infer<typeof factsSchema>;

/**
 * The bytes of a model's configuration, the same for the same facts in any order.
 *
 * @throws UserError when the specification does not have such a fact
 */
export function buildConfig(facts: ModelFacts, diffIds: readonly string[]): Buffer {
  const parsed = factsSchema.safeParse(facts);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError(
      `the fact '${issue?.path.join('.')}' about the model is not allowed: ${issue?.message}`,
      {
        advice: 'The facts are those of the CNCF model specification, docs/config.md.',
      },
    );
  }
  // In the order of the schema, which is what parsing gives.
  const { descriptor = {}, config = {} } = parsed.data;
  return Buffer.from(JSON.stringify({ descriptor, modelfs: { type: 'layers', diffIds }, config }));
}
