import { posix } from 'node:path';
import { contextOf, extended, interpolate, members, type ReadValues } from './templating.ts';
import { Unsure } from './unsure.ts';
import { isMapping, type Lines, type Mapping, type Value } from './yaml.ts';

/** How DVC draws a plot: the columns of both axes, which may lie in other files. */
export interface PlotProperties {
  x?: string | Record<string, string>;
  y?: string | string[] | Record<string, string | string[]>;
}

export interface Output {
  /** Relative to the working directory, like every path here. */
  path: string;
  kind: 'file' | 'metric' | 'plot';
  /** Whether DVC keeps it; otherwise it is Git's. */
  cache: boolean;
  /** Whether it is there while the command runs. */
  persist: boolean;
  plot: PlotProperties;
}

/** A stage of dvc.yaml with templates resolved. */
export interface DvcStage {
  name: string;
  command: string | string[];
  deps: string[];
  /** Parameters file → dotted keys; null stands for all of the file. */
  params: Map<string, string[] | null>;
  outs: Output[];
  frozen: boolean;
  alwaysChanged: boolean;
  /** What dvc.lock calls a path. */
  written: (path: string) => string;
}

/** What a dvc.yaml says. */
export interface PipelineFile {
  stages: DvcStage[];
  /** Files of the sections `metrics` and `plots` beside the stages; a plot's name is its file unless `y` names files. */
  metrics: string[];
  plots: { name: string; properties: PlotProperties }[];
}

/** A mapping whose keys are all known. */
function keysOf(value: Value | undefined, known: readonly string[], what: string): Mapping {
  if (!isMapping(value)) throw new Unsure(`${what} is not a mapping`);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw new Unsure(`${what} has the key '${unknown}'`);
  return value;
}

/** Reads the content of a dvc.yaml. Throws Unsure for what only DVC can tell the meaning of. */
export async function readPipelineFile(content: Value, read: ReadValues): Promise<PipelineFile> {
  const file = keysOf(
    content ?? {},
    ['stages', 'vars', 'metrics', 'plots', 'params', 'artifacts'],
    'dvc.yaml',
  );
  const context = await contextOf(file.vars, read);
  const definitions = file.stages === undefined ? {} : file.stages;
  if (!isMapping(definitions)) throw new Unsure('stages is not a mapping');
  const stages: DvcStage[] = [];
  for (const [name, definition] of Object.entries(definitions))
    stages.push(...(await stagesOf(name, definition, context, read)));
  return {
    stages,
    metrics: texts(interpolate(file.metrics ?? [], context), 'metrics').map(normal),
    plots: topPlots(interpolate(file.plots ?? [], context)),
  };
}

const stageKeys = [
  ...['cmd', 'wdir', 'deps', 'params', 'outs', 'metrics', 'plots', 'vars'],
  ...['frozen', 'always_changed', 'desc', 'meta'],
];

async function stagesOf(
  name: string,
  definition: Value,
  context: Mapping,
  read: ReadValues,
): Promise<DvcStage[]> {
  if (!isMapping(definition)) throw new Unsure(`stage ${name} is not a mapping`);
  const all = members(definition, context);
  if (!all) return [await stageOf(name, definition, context, read)];
  const body = definition.foreach === undefined ? { ...definition } : definition.do;
  if (!isMapping(body)) throw new Unsure(`stage ${name} has no 'do'`);
  if (definition.foreach !== undefined) keysOf(definition, ['foreach', 'do'], `stage ${name}`);
  else delete body.matrix;
  const stages: DvcStage[] = [];
  for (const [member, values] of all)
    stages.push(await stageOf(`${name}@${member}`, body, { ...context, ...values }, read));
  return stages;
}

async function stageOf(
  name: string,
  definition: Mapping,
  context: Mapping,
  read: ReadValues,
): Promise<DvcStage> {
  const { vars, ...rest } = keysOf(definition, stageKeys, `stage ${name}`);
  const wdir = text(interpolate(rest.wdir ?? '.', context), 'wdir');
  const values = await extended(context, vars, wdir, read);
  const stage = keysOf(interpolate(rest, values), stageKeys, `stage ${name}`);
  const { cmd, frozen = false, always_changed: alwaysChanged = false } = stage;
  if (typeof frozen !== 'boolean' || typeof alwaysChanged !== 'boolean')
    throw new Unsure(`stage ${name} has a flag that is neither true nor false`);
  if (typeof cmd === 'string' ? !cmd : !texts(cmd, 'cmd').length)
    throw new Unsure(`stage ${name} has no cmd`);
  const inWdir = (path: string) => normal(posix.join(wdir, local(path)));
  return {
    name,
    command: cmd as string | string[],
    deps: texts(stage.deps, 'deps').map(inWdir),
    params: paramsOf(stage.params, inWdir),
    outs: (['outs', 'metrics', 'plots'] as const).flatMap((section) =>
      outputsOf(stage[section], section, inWdir),
    ),
    frozen,
    alwaysChanged,
    written: (path) => posix.relative(wdir, path),
  };
}

function paramsOf(section: Value | undefined, inWdir: (path: string) => string): DvcStage['params'] {
  const params = new Map<string, string[] | null>();
  const add = (path: string, keys: string[] | null) => {
    const before = params.get(path);
    // Whoever names all of a file and keys of it, too, means all of it.
    params.set(path, keys === null || before === null ? null : [...(before ?? []), ...keys]);
  };
  for (const item of list(section, 'params')) {
    if (!isMapping(item)) add(inWdir('params.yaml'), [text(item, 'params')]);
    else
      for (const [file, keys] of Object.entries(item)) {
        const named = texts(keys ?? [], 'params');
        add(inWdir(file), named.length ? named : null);
      }
  }
  return params;
}

const outputKeys = ['cache', 'persist', 'remote', 'push', 'desc', 'type', 'labels', 'meta'];
const plotKeys = ['template', 'x', 'y', 'x_label', 'y_label', 'title', 'header'];

function outputsOf(
  section: Value | undefined,
  name: 'outs' | 'metrics' | 'plots',
  inWdir: (path: string) => string,
): Output[] {
  const kind = ({ outs: 'file', metrics: 'metric', plots: 'plot' } as const)[name];
  return list(section, name).flatMap((item) => {
    const entries: [string, Value][] = isMapping(item) ? Object.entries(item) : [[text(item, name), {}]];
    return entries.map(([path, options]): Output => {
      // A plot may be drawn in several ways.
      const [first = {}, ...others] = Array.isArray(options) ? options : [options];
      for (const option of [first, ...others]) {
        keysOf(option, name === 'plots' ? [...outputKeys, ...plotKeys] : outputKeys, `${name} ${path}`);
        for (const key of plotKeys)
          if (key !== 'header' && (option as Mapping)[key] !== undefined)
            text((option as Mapping)[key], `${name} ${path}: ${key}`);
      }
      const { cache = true, persist = false, x, y } = first as Mapping;
      if (typeof cache !== 'boolean' || typeof persist !== 'boolean')
        throw new Unsure(`${name} ${path} has a flag that is neither true nor false`);
      return { path: inWdir(path), kind, cache, persist, plot: propertiesOf({ x, y }) };
    });
  });
}

function topPlots(section: Value): PipelineFile['plots'] {
  return list(section, 'plots').flatMap((item) => {
    if (!isMapping(item)) return [{ name: normal(text(item, 'plots')), properties: {} }];
    return Object.entries(item).map(([name, properties]) => ({
      name,
      properties: axesOf(keysOf(properties ?? {}, plotKeys, `plots ${name}`), name),
    }));
  });
}

/** Both axes may lie in several files, and `y` may be several columns. */
function axesOf({ x, y }: Mapping, name: string): PlotProperties {
  const columns = (value: Value | undefined) => (Array.isArray(value) ? texts(value, name) : value);
  for (const axis of [x, columns(y)])
    for (const value of isMapping(axis) ? Object.values(axis) : [axis])
      if (value !== undefined && !Array.isArray(value)) text(value, `plots ${name}`);
  return propertiesOf({ x, y });
}

function propertiesOf({ x, y }: { x?: Value | undefined; y?: Value | undefined }): PlotProperties {
  return {
    ...(x === undefined ? {} : { x: x as Exclude<PlotProperties['x'], undefined> }),
    ...(y === undefined ? {} : { y: y as Exclude<PlotProperties['y'], undefined> }),
  };
}

function list(value: Value | undefined, what: string): Value[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Unsure(`${what} is not a list`);
  return value;
}

function texts(value: Value | undefined, what: string): string[] {
  return list(value, what).map((item) => text(item, what));
}

function text(value: Value | undefined, what: string): string {
  if (typeof value !== 'string') throw new Unsure(`${what} has a value that is not text`);
  return value;
}

/** Refuses what does not lie on this disk by a relative path: URLs, data sets, absolute paths. */
function local(path: string): string {
  if (/^[\w+-]+:/.test(path) || posix.isAbsolute(path) || path.includes('\\') || !path)
    throw new Unsure(`'${path}' is not a path in the working directory`);
  return path;
}

function normal(path: string): string {
  const normalized = posix.normalize(path).replace(/\/$/, '');
  if (normalized.split('/')[0] === '..') throw new Unsure(`'${path}' lies outside of the working directory`);
  return normalized;
}

/** The line at which each stage begins; a member of a group has the group's. */
export function lineOf(stage: string, lines: Lines): number | undefined {
  return lines.get(`stages.${stage}`) ?? lines.get(`stages.${stage.replace(/@[^@]*$/, '')}`);
}
