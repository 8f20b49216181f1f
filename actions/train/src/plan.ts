import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suggest, throwAll, UserError } from '@mlops/core';
import { formatProblem } from '@mlops/metrics';
import { inOrder, producerOf, type Source, sourcesOf, suggestOutput } from './graph.ts';
import type { Parameters } from './parameters.ts';
import { normalize, pathProblem } from './paths.ts';
import { forced, isKept, type Planned } from './pipeline.ts';
import type { Run, Stage } from './stages.ts';

/** What a user asked for, apart from the stages themselves. */
export interface Wishes {
  run: Run;
  model: string | undefined;
  metrics: readonly string[] | undefined;
  force: readonly string[] | undefined;
  cache: 'auto' | 'off';
  paramsFile: string;
}

/** The stages of the input `run`; a command alone is one stage without declarations. */
export function stagesOf(run: Run): Stage[] {
  return typeof run === 'string'
    ? [{ name: 'train', run, inputs: [], outputs: [], params: [], seeded: true }]
    : run;
}

/** Puts the stages in order and checks that everything they and the other inputs name is there, or will be. */
export function plan(wishes: Wishes, parameters: Parameters | undefined, folder: string): Planned[] {
  const stages = stagesOf(wishes.run);
  const named = forcedNames(wishes.force ?? [], stages);
  const results = [...(wishes.model ? [wishes.model] : []), ...(wishes.metrics ?? [])];
  throwAll([
    ...results.flatMap(badPath),
    ...(wishes.metrics ?? []).flatMap((path) => formatProblem(path, path) ?? []),
    ...(typeof wishes.run === 'string' ? [] : undeclared(wishes, stages, folder)),
  ]);
  const needed = new Set(
    [...results, ...(wishes.metrics ? [] : [defaultMetrics])].map((path) => producerOf(path, stages)?.stage),
  );
  const problems: UserError[] = [];
  const planned = inOrder(stages).map((stage): Planned => {
    const always = named.has(stage.name) ? forced : whyAlways(stage, wishes);
    try {
      const values = select(stage, parameters, wishes.paramsFile);
      return {
        stage,
        sources: sourcesOf(stage, stages),
        parameters: values,
        always,
        needed: needed.has(stage),
      };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error);
      return { stage, sources: [], parameters: {}, always, needed: false };
    }
  });
  throwAll(problems);
  return planned;
}

/** Read where nobody names a file with metrics. */
export const defaultMetrics = 'metrics.json';

/** The inputs that no stage writes. */
export function inputFiles(planned: readonly Planned[]): { stage: string; input: string }[] {
  const isFile = ({ producer }: Source) => !producer;
  return planned.flatMap(({ stage, sources }) =>
    sources.filter(isFile).map(({ input }) => ({ stage: stage.name, input })),
  );
}

function whyAlways(stage: Stage, { run, cache }: Wishes): string | undefined {
  if (typeof run === 'string') return 'a command by itself always runs';
  if (!isKept(stage)) return 'it declares neither inputs nor params, so it always runs';
  return cache === 'off' ? 'the cache is off' : undefined;
}

function forcedNames(force: readonly string[], stages: readonly Stage[]): Set<string> {
  const names = stages.map(({ name }) => name);
  throwAll(
    force
      .filter((name) => name !== 'all' && !names.includes(name))
      .map(
        (name) =>
          new UserError(`input force: there is no stage '${name}'`, {
            advice: suggest(name, [...names, 'all']),
          }),
      ),
  );
  return new Set(force.includes('all') ? names : force);
}

function badPath(path: string): UserError[] {
  const problem = pathProblem(path, 'output');
  return problem ? [new UserError(`inputs model and metrics: '${path}' cannot be used: ${problem}`)] : [];
}

/** Metrics must come from a stage, or a skipped run would read whatever lies there. A model may also be checked in. */
function undeclared({ metrics, model }: Wishes, stages: readonly Stage[], folder: string): UserError[] {
  const isThere = (path: string) => existsSync(join(folder, path));
  return [
    ...(metrics ?? []).map((path) => ['metrics', path] as const),
    ...(model && !isThere(model) ? [['model', model] as const] : []),
  ]
    .filter(([, path]) => !producerOf(path, stages))
    .map(
      ([input, path]) =>
        new UserError(`input ${input}: no stage declares '${normalize(path)}' among its outputs`, {
          advice: suggestOutput(path, stages),
        }),
    );
}

function select(stage: Stage, parameters: Parameters | undefined, paramsFile: string): Planned['parameters'] {
  if (!stage.params.length) return {};
  if (parameters) return parameters.select(stage.params, stage.name);
  throw new UserError(`stage '${stage.name}' names parameters, but there is no file '${paramsFile}'`, {
    advice:
      "Create it, or name another one in the input 'params-file'; it is relative to 'working-directory'.",
  });
}
