import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Document, LineCounter, Node } from 'yaml';

/** Where an annotation stands: relative to the repository's root, with a 1-based line. */
export interface RulePlace {
  path: string;
  line: number;
}

export interface WhereConfigured {
  workspace: string;
  workingDirectory: string;
  /** Of the config file, relative to the working directory. */
  config: string | undefined;
  environment: string | undefined;
  /** Where rules stand when there is no config file: in the workflow. */
  workflowPath: string | undefined;
}

const action = 'evaluate-gate';

/**
 * The places of the gate's rules by metric: the line where the config file names the metric, or its first line. What
 * else failed stands at the first line, too. Undefined when not even the workflow's file is known.
 */
export async function rulePlaces(
  where: WhereConfigured,
): Promise<((metric?: string) => RulePlace) | undefined> {
  const file = join(where.workingDirectory, where.config ?? 'mlops.yaml');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  const path = text === undefined ? where.workflowPath : relative(where.workspace, file).split(sep).join('/');
  if (path === undefined) return undefined;
  const lines = text === undefined ? new Map<string, number>() : await linesOf(text, where.environment);
  return (metric) => ({ path, line: (metric !== undefined && lines.get(metric)) || 1 });
}

/** Lines by metric. The environment's overlay comes before the rules that it replaces, other overlays come last. */
async function linesOf(text: string, environment: string | undefined): Promise<Map<string, number>> {
  const { parseDocument, LineCounter, isMap } = await import('yaml');
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter });
  const environments = isMap(document.contents) ? document.get('environments') : undefined;
  const overlays = isMap(environments) ? environments.items.map(({ key }) => String(key)) : [];
  const sections = [
    ...(environment ? [['environments', environment, action]] : []),
    [action],
    ...overlays.map((name) => ['environments', name, action]),
  ];
  const lines = new Map<string, number>();
  for (const section of sections)
    for (const [metric, line] of await metricsIn(document, section, counter))
      if (!lines.has(metric)) lines.set(metric, line);
  return lines;
}

/** Every key below the section, and every value of a key `metric`: whatever shape the rules have. */
async function metricsIn(
  document: Document,
  section: readonly string[],
  counter: LineCounter,
): Promise<[metric: string, line: number][]> {
  const { visit, isScalar } = await import('yaml');
  const found: [string, number][] = [];
  const add = (node: unknown) => {
    const start = (node as Node | undefined)?.range?.[0];
    if (isScalar(node) && start !== undefined) found.push([String(node.value), counter.linePos(start).line]);
  };
  visit((document.getIn(section, true) as Node | undefined) ?? null, {
    Pair(_, { key, value }) {
      add(isScalar(key) && key.value === 'metric' ? value : key);
    },
  });
  return found;
}
