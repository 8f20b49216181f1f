import * as z from 'zod';

/** Nodes that are appended to a builder, as docker/setup-buildx-action has them. */
export const nodesSchema = z.array(
  z.strictObject({
    endpoint: z.string().min(1),
    name: z.string().min(1).optional(),
    platforms: z.string().min(1).optional().describe('Separated by commas.'),
    'driver-opts': z.array(z.string().min(1)).optional(),
  }),
);

export type Node = z.infer<typeof nodesSchema>[number];
