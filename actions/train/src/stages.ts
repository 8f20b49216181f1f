import * as z from 'zod';
import { graphProblems } from './graph.ts';
import { pathProblem } from './paths.ts';

/** A path or pattern of a stage, checked by itself; how paths go together is the graph's matter. */
function path(kind: 'input' | 'output') {
  return z.string().superRefine((value, context) => {
    const message = pathProblem(value, kind);
    if (message) context.addIssue({ code: 'custom', message });
  });
}

const stageSchema = z.strictObject({
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][\w.-]{0,62}$/,
      "a name has letters, digits, '-', '_' and '.', starts with a letter or digit and is at most 63 long",
    )
    .describe('Unique among the stages.'),
  run: z.string().min(1).describe('Command, run as a `run:` step would be.'),
  inputs: z
    .array(path('input'))
    .default([])
    .describe('Files, folders and patterns that the result depends on: code, data, outputs of other stages.'),
  outputs: z
    .array(path('output'))
    .default([])
    .describe('Files and folders that the command writes; removed before it runs.'),
  params: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Dotted keys of the parameters file that the result depends on; a key of a mapping stands for all of it.',
    ),
  seeded: z
    .boolean()
    .default(true)
    .describe('Whether the result depends on the seed in MLOPS_SEED; `false` runs it once for all seeds.'),
});

export type Stage = z.infer<typeof stageSchema>;

/** The stages of a pipeline, which must go together. */
export const stagesSchema = z
  .array(stageSchema)
  .min(1)
  .superRefine((stages, context) => {
    for (const { path, message } of graphProblems(stages))
      context.addIssue({ code: 'custom', path, message });
  });

/** The input `run`: one command, or stages. */
export type Run = string | Stage[];
