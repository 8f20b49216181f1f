import type { ActionContext, Inputs } from './request.ts';

/** What the command asks for; each is loaded only when it is. */
export async function buildAndPush(inputs: Inputs, context: ActionContext): Promise<void> {
  await (await import('./log-in.ts')).logIn(inputs, context);
  if (inputs.command === 'verify') return (await import('./verify.ts')).verify(inputs, context);
  if (inputs.command === 'pull-model') return (await import('./pull-model.ts')).pull(inputs, context);
  if (inputs.command === 'merge') return (await import('./merge.ts')).merge(inputs, context);
  if (inputs.bakeFiles.length > 0) return (await import('./bake.ts')).bake(inputs, context);
  return (await import('./build.ts')).build(inputs, context);
}
