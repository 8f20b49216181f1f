import type { Content } from './content.ts';
import type { Locked } from './lock.ts';
import { isMapping, type Mapping, same, type Value } from './yaml.ts';

/** Differences beyond these are counted, not told. */
const shown = 3;

/** What a stage's command reads and is. */
export type State = Omit<Locked, 'outs'>;

/** What makes a state of a stage another than it was, for people; empty when nothing does. */
export function differences(now: State, before: State): string {
  const found = [
    ...(same(now.command, before.command) ? [] : ['command changed']),
    ...contentDifferences(now.deps, before.deps),
    ...Object.entries(now.params).flatMap(([file, values]) =>
      parameterDifferences(file, values, before.params[file]),
    ),
  ];
  const rest = found.length - shown;
  return [...found.slice(0, shown), ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ');
}

function contentDifferences(
  now: ReadonlyMap<string, Content>,
  before: ReadonlyMap<string, Content>,
): string[] {
  return [...now].flatMap(([path, { md5 }]) => {
    const old = before.get(path);
    if (old?.md5 === md5) return [];
    return [`input ${path} ${old ? 'changed' : 'added'}`];
  });
}

function parameterDifferences(file: string, now: Value, before: Value | undefined): string[] {
  if (!isMapping(now) || !isMapping(before)) return same(now, before) ? [] : [`params ${file} added`];
  const prefix = file === 'params.yaml' ? '' : `${file}:`;
  const names = [...new Set([...Object.keys(now), ...Object.keys(before)])].sort();
  return names.flatMap((name) => {
    const [n, b] = [now[name], before[name]];
    if (n !== undefined && b !== undefined && same(n, b)) return [];
    if (b === undefined) return [`params ${prefix}${name} added`];
    if (n === undefined) return [`params ${prefix}${name} removed`];
    return isMapping(n) && isMapping(b)
      ? parameterDifferences(file, flattened(n, name), flattened(b, name))
      : [`params ${prefix}${name} changed: ${short(b)} → ${short(n)}`];
  });
}

function flattened(values: Mapping, name: string): Mapping {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [`${name}.${key}`, value]));
}

function short(value: Value): string {
  const text = JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? Number(inner) : inner));
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
