import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import type { Hasher } from '@mlops/core/hash';
import { type Metrics, readMetrics } from '@mlops/metrics';
import { number, size } from './format.ts';
import type { OutputDigest } from './outputs.ts';
import { normalize } from './paths.ts';
import { defaultMetrics } from './plan.ts';

/** The model and metrics that the command or the stages left. */
export interface Results {
  model: OutputDigest | undefined;
  metrics: Metrics;
  /** Files with metrics. */
  files: string[];
  /** Why the metrics could not be read: to be thrown once the model, which may have taken hours, is safe. */
  problem: unknown;
}

export type Conventions = (shown: (path: string) => string) => Promise<Metrics & { files: string[] }>;

export interface Expected {
  folder: string;
  model: string | undefined;
  metrics: readonly string[] | undefined;
  /** Set for a command alone. */
  freshness: Freshness | undefined;
  /** What the stages wrote. */
  outputs: readonly OutputDigest[];
  /** Reads metrics and curves where another tool keeps them, unless `metrics` names files. */
  conventions: Conventions | undefined;
  hasher: Hasher;
  /** A name of a path that a reader finds. */
  shown: (path: string) => string;
  log: (line: string) => void;
}

/**
 * Tells results of this run from what lay there before: needed where a command declares no outputs that could have
 * been removed first.
 */
export class Freshness {
  readonly #folder: string;
  readonly #before: Map<string, string | undefined>;

  constructor(folder: string, paths: readonly string[]) {
    this.#folder = folder;
    this.#before = new Map(paths.map((path) => [path, this.#stamp(path)]));
  }

  isStale(path: string): boolean {
    const before = this.#before.get(path);
    return before !== undefined && before === this.#stamp(path);
  }

  #stamp(path: string): string | undefined {
    const stat = statSync(join(this.#folder, path), { bigint: true, throwIfNoEntry: false });
    // A folder's own stamp does not tell whether the files in it were written.
    return stat?.isFile() ? `${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.ino}` : undefined;
  }
}

export async function readResults(expected: Expected): Promise<Results> {
  const { folder, log, freshness } = expected;
  if (expected.model && freshness?.isStale(expected.model))
    log(`The model '${expected.model}' was there before, and this run did not change it.`);
  const model = expected.model ? await readModel(normalize(expected.model), expected) : undefined;
  if (model) log(`Model: ${model.path}, ${size(model.bytes)}, ${model.digest}`);
  try {
    const { files, ...metrics } = await readMetricsOf(expected);
    tellMetrics(metrics, log);
    return { model, metrics, files, problem: undefined };
  } catch (problem) {
    const files = (expected.metrics ?? [defaultMetrics]).filter((path) => existsSync(join(folder, path)));
    return {
      model,
      metrics: { values: new Map(), lists: new Map(), curves: new Map(), ignored: [] },
      files,
      problem,
    };
  }
}

async function readMetricsOf(expected: Expected): Promise<Metrics & { files: string[] }> {
  const { folder, shown, conventions } = expected;
  if (conventions && !expected.metrics) return conventions(shown);
  const files = metricsFiles(expected);
  return { ...(await readMetrics(folder, files, shown)), files };
}

/** The metrics files to read: those that were named, otherwise `metrics.json` where this run wrote one. */
function metricsFiles({ folder, metrics, freshness, outputs, shown, log }: Expected): string[] {
  if (metrics) {
    for (const path of metrics)
      if (freshness?.isStale(path))
        throw new UserError(
          `the metrics file '${shown(path)}' was there before, and this run did not write it`,
          {
            advice:
              "Let the command write it, or remove it from the repository and from the input 'metrics'.",
          },
        );
    return [...metrics];
  }
  if (!existsSync(join(folder, defaultMetrics))) return [];
  const isUndeclared = !freshness && !outputs.some(({ path }) => path === defaultMetrics);
  const why = freshness?.isStale(defaultMetrics)
    ? 'this run did not write it'
    : isUndeclared
      ? 'no stage declares it among its outputs'
      : undefined;
  if (!why) return [defaultMetrics];
  log(`${defaultMetrics} is there, but is not read: ${why}.`);
  return [];
}

async function readModel(path: string, { folder, outputs, hasher }: Expected): Promise<OutputDigest> {
  const known = outputs.find((output) => output.path === path);
  if (known?.bytes) return known;
  if (!existsSync(join(folder, path))) {
    const missing = await hasher.paths(folder, [path]).catch((error: unknown) => error);
    throw new UserError(`the model '${path}' is not there after training`, {
      advice: missing instanceof UserError ? missing.advice : "Check the input 'model'.",
    });
  }
  const [found] = await hasher.paths(folder, [path]);
  if (!found?.bytes)
    throw new UserError(`the model '${path}' is empty`, {
      advice: 'Check that the command saves the model, and where.',
    });
  return { path, digest: found.digest, bytes: found.bytes };
}

/** More metrics than these are in the record and the report. */
const metricsShown = 50;

function tellMetrics({ values, lists, ignored }: Metrics, log: (line: string) => void): void {
  for (const [name, value] of [...values].slice(0, metricsShown)) log(`Metric ${name}: ${number(value)}`);
  if (values.size > metricsShown) log(`… and ${values.size - metricsShown} more metrics`);
  for (const [name, list] of [...lists].slice(0, metricsShown))
    log(`Metric ${name}: ${list.length} values, which a gate takes for folds`);
  if (ignored.length)
    log(`Not counted as metrics, because they are not numbers: ${ignored.slice(0, 10).join(', ')}`);
}
