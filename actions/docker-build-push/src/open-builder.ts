import { saveState } from '@mlops/core';
import { type Builder, type Need, prepareBuilder } from './buildx/builder.ts';
import { type Buildx, findBuildx } from './buildx/program.ts';
import type { ActionContext, Inputs } from './request.ts';
import { makeRoom, moveBuilder } from './room.ts';
import { buildEnvironment } from './step-environment.ts';

/** What builds, and how it is called. */
export interface OpenedBuilder {
  builder: Builder;
  buildx: Buildx;
  env: Record<string, string | undefined>;
}

/** Finds or makes the builder that the inputs name, with room on its disk; the post step removes one that was made. */
export async function openBuilder(
  inputs: Inputs,
  context: ActionContext,
  needs: readonly Need[],
): Promise<OpenedBuilder> {
  const { github, workingDirectory, signal, outputs } = context;
  const buildx = await findBuildx(process.env, inputs.buildxVersion);
  const env = buildEnvironment(process.env);
  await makeRoom(inputs, context);
  const builder = await prepareBuilder(
    buildx,
    { ...inputs, nodes: inputs.builderNodes, needs },
    {
      ...{ env, workingDirectory, temp: github.temp, signal },
      beforeStart: (node) => moveBuilder(inputs, node, signal),
    },
  );
  if (builder.isOwn && !inputs.keepBuilder)
    saveState('builder', JSON.stringify({ buildx, name: builder.name }));
  Object.assign(outputs, {
    builder: builder.name,
    builderDriver: builder.driver,
    builderPlatforms: builder.platforms.join('\n'),
  });
  return { builder, buildx, env };
}
