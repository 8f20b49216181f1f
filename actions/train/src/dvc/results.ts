import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DvcPlot, Metrics } from '@mlops/metrics';
import type { PipelineFile } from './pipeline-file.ts';

/** Where a project has its metrics and plots. */
export interface ResultFiles {
  metrics: string[];
  plots: DvcPlot[];
}

/** Where DVCLive and most scripts write, whether or not dvc.yaml says so. */
const usualMetrics = ['metrics.json', 'dvclive/metrics.json'];
const usualPlots = 'dvclive/plots/metrics';

/** What dvc.yaml names as metrics and plots; where it names none, the usual files that stages or DVCLive write. */
export function resultFiles({ stages, metrics, plots }: PipelineFile): ResultFiles {
  const outs = stages.flatMap((stage) => stage.outs);
  const named = [...outs.filter(({ kind }) => kind === 'metric').map(({ path }) => path), ...metrics];
  // What the section 'plots' says of a file tells more than that a stage has it among its plots.
  const isDrawn = (path: string) => plots.some(({ name }) => name === path);
  const ofStages = outs.filter(({ kind, path }) => kind === 'plot' && !isDrawn(path));
  const drawn = [
    ...ofStages.map(({ path, plot }) => ({ name: path, ...plot })),
    ...plots.map(({ name, properties }) => ({ name, ...properties })),
  ];
  const isWritten = (path: string) =>
    outs.some((out) => path === out.path || path.startsWith(`${out.path}/`));
  return {
    metrics: named.length ? [...new Set(named)] : usualMetrics.filter(isWritten),
    plots: drawn.length || !isWritten(usualPlots) ? drawn : [{ name: usualPlots }],
  };
}

/** The paths that results are read from. */
export function resultPaths({ metrics, plots }: ResultFiles): string[] {
  const drawn = plots.flatMap(({ name, y }) =>
    typeof y === 'object' && !Array.isArray(y) ? Object.keys(y) : [name],
  );
  return [...metrics, ...drawn];
}

/** Reads metrics, which must be there, and plots, of which some may not be. */
export async function readDvcResults(
  folder: string,
  { metrics, plots }: ResultFiles,
  shown: (path: string) => string,
): Promise<Metrics & { files: string[] }> {
  const { readDvcMetrics, readDvcPlots } = await import('@mlops/metrics');
  const read = await readDvcMetrics(folder, metrics, shown);
  const present = plots.filter(({ name, y }) => typeof y === 'object' || existsSync(join(folder, name)));
  const curves = await readDvcPlots(folder, present, shown);
  return { ...read, curves: new Map([...read.curves, ...curves]) };
}
