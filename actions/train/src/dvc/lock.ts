import type { Content } from './content.ts';
import { Unsure } from './unsure.ts';
import { isMapping, type Mapping, readYaml, same, type Value } from './yaml.ts';

/** What a stage used and made when it ran: its entry in dvc.lock, or in the run cache. Paths are as written there. */
export interface Locked {
  command: Value;
  deps: Map<string, Content>;
  params: Mapping;
  outs: Map<string, Content>;
}

/** The entries of a dvc.lock by stage. */
export type Lock = Map<string, Locked>;

export async function readLock(text: string, file: string): Promise<Lock> {
  const { value } = await readYaml(text, file);
  if (!isMapping(value) || value.schema !== '2.0') throw new Unsure(`${file} has another schema than 2.0`);
  const { stages = {} } = value;
  if (!isMapping(stages)) throw new Unsure(`${file} has no mapping 'stages'`);
  return new Map(Object.entries(stages).map(([name, entry]) => [name, lockedOf(entry, `${file}: ${name}`)]));
}

/** Reads a file of the run cache, which holds one entry. */
export async function readRun(text: string, file: string): Promise<Locked> {
  return lockedOf((await readYaml(text, file)).value, file);
}

function lockedOf(entry: Value, where: string): Locked {
  if (!isMapping(entry)) throw new Unsure(`${where} is not a mapping`);
  const { cmd = null, deps, params = {}, outs, ...rest } = entry;
  if (Object.keys(rest).length || !isMapping(params)) throw new Unsure(`${where} has unknown keys`);
  return { command: cmd, deps: contentsOf(deps, where), params, outs: contentsOf(outs, where) };
}

/** `path` with `hash: md5`; other hashes are those of earlier versions, data sets or versioned remotes. */
function contentsOf(entries: Value | undefined, where: string): Map<string, Content> {
  if (entries !== undefined && !Array.isArray(entries)) throw new Unsure(`${where} is no list`);
  return new Map(
    (entries ?? []).map((entry) => {
      const { path, hash, md5, size } = isMapping(entry) ? entry : {};
      if (typeof path !== 'string' || typeof md5 !== 'string' || hash !== 'md5')
        throw new Unsure(`${where} names content otherwise than by md5`);
      return [path, { md5, bytes: Number(size ?? 0) }];
    }),
  );
}

/** What a .dvc file says of the data it stands for: its path beside the file, and its content. */
export async function readDataFile(text: string, file: string): Promise<{ path: string; content: Content }> {
  const { value } = await readYaml(text, file);
  if (!isMapping(value)) throw new Unsure(`${file} is not a mapping`);
  const { outs, meta: _meta, desc: _desc, ...rest } = value;
  if (Object.keys(rest).length) throw new Unsure(`${file} was imported, or has a command`);
  const [[path, content] = [], ...others] = contentsOf(outs, file);
  if (path === undefined || content === undefined || others.length)
    throw new Unsure(`${file} stands for other than one file or folder`);
  return { path, content };
}

/** Whether two entries are of the same command, dependencies and parameters, and so of the same outputs. */
export function sameRun(a: Locked, b: Omit<Locked, 'outs'> & { outs: readonly string[] }): boolean {
  return (
    same(a.command, b.command) &&
    same(a.params, b.params) &&
    sameContents(a.deps, b.deps) &&
    [...a.outs.keys()].sort().join('\0') === b.outs.toSorted().join('\0')
  );
}

function sameContents(a: ReadonlyMap<string, Content>, b: ReadonlyMap<string, Content>): boolean {
  return a.size === b.size && [...a].every(([path, { md5 }]) => b.get(path)?.md5 === md5);
}
