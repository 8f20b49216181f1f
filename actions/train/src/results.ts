import { statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import type { Hasher } from '@mlops/core/hash';
import { type Metrics, readMetrics } from '@mlops/metrics';
import { number, size } from './format.ts';
import { normalize } from './paths.ts';
import { defaultMetrics } from './plan.ts';

/** The model and metrics that the command or the stages left. */
export interface Results {
  model: { path: string; digest: string; bytes: number } | undefined;
  metrics: Metrics;
  /** Files that the metrics were read from. */
  files: string[];
}

export interface Expected {
  folder: string;
  model: string | undefined;
  metrics: readonly string[] | undefined;
  /** A name of a path that a reader finds. */
  shown: (path: string) => string;
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
    return stat && `${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.ino}`;
  }
}

/** The metrics files to read: those that were named, otherwise `metrics.json` where this run wrote one. */
export function metricsFiles(
  { folder, metrics, shown }: Expected,
  freshness: Freshness | undefined,
  declaresDefault: boolean,
  log: (line: string) => void,
): string[] {
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
  if (!statSync(join(folder, defaultMetrics), { throwIfNoEntry: false })) return [];
  const why = freshness?.isStale(defaultMetrics)
    ? 'this run did not write it'
    : !freshness && !declaresDefault
      ? 'no stage declares it among its outputs'
      : undefined;
  if (!why) return [defaultMetrics];
  log(`${defaultMetrics} is there, but is not read: ${why}.`);
  return [];
}

export async function readResults(
  expected: Expected,
  files: string[],
  hasher: Hasher,
  log: (line: string) => void,
): Promise<Results> {
  const { folder, shown } = expected;
  const metrics = await readMetrics(folder, files, shown);
  if (metrics.ignored.length)
    log(`Not counted as metrics, because they are not numbers: ${metrics.ignored.slice(0, 10).join(', ')}`);
  const model = expected.model && (await readModel(folder, normalize(expected.model), hasher));
  if (model) log(`Model: ${model.path}, ${size(model.bytes)}, ${model.digest}`);
  for (const [name, value] of [...metrics.values].slice(0, 50)) log(`Metric ${name}: ${number(value)}`);
  if (metrics.values.size > 50) log(`… and ${metrics.values.size - 50} more metrics`);
  return { model: model || undefined, metrics, files };
}

async function readModel(
  folder: string,
  path: string,
  hasher: Hasher,
): Promise<NonNullable<Results['model']>> {
  if (!statSync(join(folder, path), { throwIfNoEntry: false })) {
    const missing = await hasher.paths(folder, [path]).catch((error: unknown) => error);
    throw new UserError(`the model '${path}' is not there after training`, {
      advice: missing instanceof UserError ? missing.advice : "Check the input 'model'.",
    });
  }
  const [found] = await hasher.paths(folder, [path]);
  if (!found || (found.kind === 'tree' && found.files === 0))
    throw new UserError(`the model '${path}' is an empty folder`, {
      advice: 'Check that the command saves the model, and where.',
    });
  return { path, digest: found.digest, bytes: found.bytes };
}
