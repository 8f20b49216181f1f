import * as z from 'zod';

/** What records of all kinds are made of. */

export const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
export const time = z.iso.datetime();
export const milliseconds = z.number().min(0);
export const bytes = z.int().min(0);

/** JSON has no NaN and no infinities, yet a metric may be one, and the gate must see it. */
export const measured = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]);

export const file = z.object({ path: z.string(), digest, bytes });

/** What a stage read or wrote; DVC tells content by its md5, a folder's with `.dir` behind it. */
export const content = file.extend({
  digest: z.union([digest, z.string().regex(/^md5:[0-9a-f]{32}(\.dir)?$/)]),
});

export type Measured = z.infer<typeof measured>;
export type FileRecord = z.infer<typeof file>;

/** A number as a record holds it. */
export function measuredOf(value: number): Measured {
  return Number.isFinite(value) ? value : (String(value) as Measured);
}

/** A recorded number as JavaScript has it. */
export function numberOf(value: Measured): number {
  return Number(value);
}
