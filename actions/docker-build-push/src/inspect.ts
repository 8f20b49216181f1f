import { UserError } from '@mlops/core';
import { quantity } from '@mlops/metrics/quantity';
import type { Job } from './build.ts';
import { refuseBeyondBudget } from './image/budget.ts';
import type { ImageFacts } from './image/facts.ts';
import type { Layout } from './image/layout.ts';

/** Looks at an image before it is pushed: its size, and whether it serves. */
export async function inspect(job: Job, layout: Layout, facts: ImageFacts): Promise<void> {
  const { inputs, context } = job;
  if (inputs.sizeBudget !== undefined)
    await refuseBeyondBudget(facts, bytesOf('size-budget', inputs.sizeBudget), layout, context.summary);
}

/** @throws UserError for what is no size */
export function bytesOf(input: string, written: string): number {
  const found = quantity('image_size', written);
  if ('problem' in found || found.amount <= 0)
    throw new UserError(`the input '${input}' is '${written}', which is no size`, {
      advice: "Write it as '2 GB' or '500 MB'.",
    });
  return found.amount;
}
