import * as z from 'zod';

/**
 * What a model package says of itself: the first entry of its tar, JSON. Every other entry is one of `files`. Paths are
 * relative to the project, with `/`, without leaving it; digests are `sha256:<hex>`.
 */

export const manifestName = 'mlops-package.json';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);

const path = z
  .string()
  .min(1)
  .refine(isPortable, 'must be a relative path with /, without .., that every system can hold');

export const manifestSchema = z.object({
  schema: z.literal(1),
  name: z.string().min(1),
  model: z.object({ path: z.string(), digest }),
  files: z.array(z.object({ path, digest, bytes: z.int().min(0) })),
});

export type Manifest = z.infer<typeof manifestSchema>;

/** Whether a path stays below the folder it is unpacked to: no root, no drive or stream (`:`), no `\`, no `.` or `..`. */
function isPortable(candidate: string): boolean {
  const parts = candidate.split('/');
  return !/[\\:\0]/.test(candidate) && parts.every((part) => part !== '' && part !== '.' && part !== '..');
}
