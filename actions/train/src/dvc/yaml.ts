import type { Document, Node, Scalar } from 'yaml';
import { Unsure } from './unsure.ts';

/** A value as DVC has it: integers are bigint, so that `1` and `1.0`, which print differently, stay apart. */
export type Value = null | boolean | bigint | number | string | Value[] | { [key: string]: Value };

export type Mapping = { [key: string]: Value };

/** Where a value's key stands: 1-based line. */
export type Lines = ReadonlyMap<string, number>;

/**
 * Reads YAML as DVC does (ruamel.yaml, YAML 1.2). Throws Unsure for whatever two readers could take for different
 * things: malformed text, tags, merge keys, keys that are no text, and numbers in unusual notations.
 */
export async function readYaml(text: string, file: string): Promise<{ value: Value; lines: Lines }> {
  const yaml = await import('yaml');
  const counter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: counter, uniqueKeys: true });
  if (document.errors.length || document.warnings.length) throw new Unsure(`${file} is not plain YAML`);
  if (/^%/m.test(text)) throw new Unsure(`${file} has YAML directives`);
  const lines = new Map<string, number>();
  const note = (path: string, offset: number) => lines.set(path, counter.linePos(offset).line);
  return { value: resolvedValue(yaml, document, document.contents, '', { file, note }), lines };
}

interface Reading {
  file: string;
  note: (path: string, offset: number) => void;
}

function resolvedValue(
  yaml: typeof import('yaml'),
  document: Document,
  node: Node | null,
  path: string,
  reading: Reading,
): Value {
  if (!node) return null;
  if (yaml.isAlias(node)) {
    const target = node.resolve(document);
    if (!target) throw new Unsure(`${reading.file} names an anchor that is not there`);
    return resolvedValue(yaml, document, target, path, reading);
  }
  if (node.tag && !node.tag.startsWith('tag:yaml.org,2002:'))
    throw new Unsure(`${reading.file} has YAML tags`);
  if (yaml.isSeq<Node>(node))
    return node.items.map((item, i) => resolvedValue(yaml, document, item, `${path}.${i}`, reading));
  if (yaml.isMap<Scalar, Node | null>(node))
    return Object.fromEntries(
      node.items.map(({ key, value }) => {
        const name = yaml.isScalar(key) ? scalarOf(key, reading.file) : undefined;
        if (typeof name !== 'string') throw new Unsure(`${reading.file} has a key that is not text`);
        const inner = path ? `${path}.${name}` : name;
        reading.note(inner, key.range?.[0] ?? 0);
        return [name, resolvedValue(yaml, document, value, inner, reading)];
      }),
    );
  return scalarOf(node as Scalar, reading.file);
}

/** Beginnings of what YAML may take for something else than text. */
const special = /^[-+.\d<=]/;
/** What no number and no date has, outside of hexadecimal, octal and binary ones. */
const surelyText = /[^\deEtTzZ_:.+\- ]/;
const surelyNot = /^([-+]?0[xXoObB].*|[-+]?\.(inf|nan)|<<|=)$/i;

function scalarOf(scalar: Scalar, file: string): Value {
  const { type, source = '', value } = scalar;
  // The parser drops explicit tags of known types into `tag`; a plain scalar without one has none.
  if (scalar.tag) throw new Unsure(`${file} has YAML tags`);
  if (type !== 'PLAIN') return String(value);
  if (/^(~|null|Null|NULL|)$/.test(source)) return null;
  if (/^(true|True|TRUE)$/.test(source)) return true;
  if (/^(false|False|FALSE)$/.test(source)) return false;
  if (!special.test(source)) return String(value);
  if (/^[-+]?(0|[1-9]\d*)$/.test(source)) return BigInt(source.replace(/^\+/, ''));
  if (/^[-+]?((0|[1-9]\d*)\.\d+([eE][-+]?\d+)?|(0|[1-9]\d*)[eE][-+]?\d+|\.\d+)$/.test(source))
    return Number(source);
  if (/^\d+(\.\d+){2,}$/.test(source)) return source; // A version.
  if (surelyText.test(source) && !surelyNot.test(source)) return String(value);
  throw new Unsure(`${file} has '${source}', which may be a number, a date or text`);
}

/** Reads JSON as Python does; throws Unsure for what only Python takes for JSON, such as NaN. */
export function readJson(text: string, file: string): Value {
  try {
    return JSON.parse(text, (_, value: unknown, context?: { source?: string }) =>
      typeof value === 'number' && /^-?\d+$/.test(context?.source ?? '')
        ? BigInt(context?.source as string)
        : value,
    ) as Value;
  } catch {
    throw new Unsure(`${file} is not plain JSON`);
  }
}

/** Whether Python takes both for equal. Errs towards no: in Python `1 == 1.0`, here they differ. */
export function same(a: Value | undefined, b: Value | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (!isMapping(a) || !isMapping(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]))
  );
}

export function isMapping(value: Value | undefined): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
