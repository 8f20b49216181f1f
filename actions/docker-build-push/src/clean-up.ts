import { annotate, messageOf, readState } from '@mlops/core';
import { removeBuilder } from './buildx/builder.ts';
import type { Buildx } from './buildx/program.ts';
import type { ActionContext, Inputs } from './request.ts';
import { buildEnvironment } from './step-environment.ts';

/** A job must not wait long for what only tidies up. */
const patienceMs = 60_000;

/** Takes back what was made for the job alone: builder and logins. What cannot be taken back is a notice. */
export async function cleanUp(_inputs: Inputs, { signal }: ActionContext): Promise<void> {
  const [builder, logins] = [readState('builder'), readState('logins')];
  if (builder) await withoutBuilder(builder, signal);
  if (!logins) return;
  const { logout } = await import('./login/index.ts');
  await logout(logins, process.env).catch((error: unknown) =>
    annotate('warning', `A login to a registry was not taken back: ${messageOf(error)}`),
  );
}

async function withoutBuilder(builder: string, signal: AbortSignal): Promise<void> {
  const { buildx, name } = JSON.parse(builder) as { buildx: Buildx; name: string };
  const soon = AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]);
  await removeBuilder(buildx, name, buildEnvironment(process.env), soon).catch((error: unknown) =>
    annotate('notice', `The builder ${name} was not removed: ${messageOf(error)}`),
  );
}
