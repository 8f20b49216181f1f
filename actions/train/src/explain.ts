import type { Facts } from './key.ts';

/** More differences than these are counted, not told. */
const shown = 3;

/** Why a stage runs, from what is different to its last result: `params train.max_depth changed: 6 → 8`. */
export function explain(now: Facts, before: Facts | undefined): string {
  if (!before) return 'never ran here';
  const differences = [
    ...(now.command === before.command ? [] : ['command changed']),
    ...compare(digestsOf(now), digestsOf(before), (name, change) => `input ${name} ${change.kind}`),
    ...compare(now.parameters, before.parameters, (name, change) =>
      change.kind === 'changed'
        ? `params ${name} changed: ${short(change.before)} → ${short(change.now)}`
        : `params ${name} ${change.kind}`,
    ),
    ...compare(now.environment, before.environment, (name, change) => `environment ${change.kind} (${name})`),
    ...(now.platform === before.platform ? [] : [`platform changed: ${before.platform} → ${now.platform}`]),
    ...compare(texts(now.matrix), texts(before.matrix), (name) => `matrix ${name} changed`),
    ...(now.seed === before.seed ? [] : [`seed changed: ${before.seed ?? 'none'} → ${now.seed ?? 'none'}`]),
    ...(now.outputs.toSorted().join('\0') === before.outputs.toSorted().join('\0')
      ? []
      : ['declared outputs changed']),
  ];
  if (!differences.length) return 'its last result is no longer in the cache';
  const rest = differences.length - shown;
  return [...differences.slice(0, shown), ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ');
}

interface Change {
  kind: 'changed' | 'added' | 'removed';
  now: string;
  before: string;
}

function compare(
  now: Readonly<Record<string, string>>,
  before: Readonly<Record<string, string>>,
  tell: (name: string, change: Change) => string,
): string[] {
  const names = [...new Set([...Object.keys(now), ...Object.keys(before)])].sort();
  return names
    .filter((name) => now[name] !== before[name])
    .map((name) => {
      const [n, b] = [now[name], before[name]];
      const kind = b === undefined ? 'added' : n === undefined ? 'removed' : 'changed';
      return tell(name, { kind, now: n ?? '', before: b ?? '' });
    });
}

function digestsOf({ inputs }: Facts): Record<string, string> {
  return Object.fromEntries(inputs.map(({ path, digest }) => [path, digest]));
}

function texts(values: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value)]));
}

function short(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
