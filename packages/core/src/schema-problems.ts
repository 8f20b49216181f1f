import type * as z from 'zod';
import { nearest, suggest } from './nearest.ts';

export type Path = readonly PropertyKey[];

export interface SchemaProblem {
  path: Path;
  message: string;
  advice: string | undefined;
}

/**
 * Says in a user's words what zod found: the key's path, the value that was given, what is allowed and the nearest
 * valid name. Without a schema there are no keys to choose from.
 */
export function describeIssues(
  schema: z.ZodType | undefined,
  value: unknown,
  issues: readonly z.core.$ZodIssue[],
): SchemaProblem[] {
  return withoutConsequences(issues).flatMap((issue) => describe(schema, value, issue, []));
}

/** A rule about a whole value says nothing new while a part of that value is wrong. */
function withoutConsequences(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  const isWithin = (inner: Path, outer: Path) => outer.every((key, i) => inner[i] === key);
  return issues.filter(
    (issue) =>
      issue.code !== 'custom' ||
      !issues.some((other) => other.code !== 'custom' && isWithin(other.path, issue.path)),
  );
}

/** `train.run[0].name` */
export function pathText(path: Path): string {
  return path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i ? '.' : ''}${String(key)}`))
    .join('');
}

function describe(
  schema: z.ZodType | undefined,
  root: unknown,
  issue: z.core.$ZodIssue,
  prefix: Path,
): SchemaProblem[] {
  const path = [...prefix, ...issue.path];
  const got = valueAt(root, path);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const allowed = schema ? keysAt(schema, path, root) : [];
      return issue.keys.map((key) => ({
        path: [...path, key],
        message: `unknown key '${key}'`,
        advice: allowed.length ? suggest(key, allowed) : undefined,
      }));
    }
    case 'invalid_union':
      return describeUnion(schema, root, issue, path);
    case 'invalid_value': {
      const values = issue.values.map(String);
      if (got === undefined) return [{ path, message: 'missing', advice: `One of: ${values.join(', ')}.` }];
      return [{ path, message: `${show(got)} is not allowed here`, advice: suggest(String(got), values) }];
    }
    case 'invalid_type':
      return [
        got === undefined
          ? { path, message: `missing; ${article(issue.expected)} is needed`, advice: undefined }
          : {
              path,
              message: `expected ${article(issue.expected)}, but got ${show(got)}`,
              advice: isMapping(issue.expected)
                ? mappingOf(schema ? keysAt(schema, path, undefined) : [])
                : respelling(issue.expected, got),
            },
      ];
    case 'too_small':
    case 'too_big':
      return [{ path, message: outOfRange(issue, got), advice: undefined }];
    default: {
      const { message } = issue;
      return [
        {
          path,
          message: `${show(got)} is not valid: ${message.charAt(0).toLowerCase()}${message.slice(1)}`,
          advice: undefined,
        },
      ];
    }
  }
}

/** Of a union's branches, the one that the value came closest to: whose first problem lies deepest, then the fewest. */
function describeUnion(
  schema: z.ZodType | undefined,
  root: unknown,
  issue: z.core.$ZodIssueInvalidUnion,
  path: Path,
): SchemaProblem[] {
  const branches = issue.errors
    .filter((branch) => branch.length > 0)
    .sort((a, b) => Math.min(...b.map(depth)) - Math.min(...a.map(depth)) || a.length - b.length);
  const best = branches[0];
  if (best?.some((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'))
    return best.flatMap((inner) => describe(schema, root, inner, path));
  const expected = branches.flatMap((branch) =>
    branch.map((i) => ('expected' in i ? article(i.expected) : undefined)),
  );
  const kinds = [...new Set(expected.filter((kind) => kind !== undefined))].join(' or ');
  return [
    {
      path,
      message: `expected ${kinds || 'another kind of value'}, but got ${show(valueAt(root, path))}`,
      advice: undefined,
    },
  ];
}

function depth(issue: z.core.$ZodIssue): number {
  return issue.path.length + (issue.code === 'unrecognized_keys' ? 1 : 0);
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key],
    root,
  );
}

/** The keys that the schema allows for the object at `path`. */
function keysAt(schema: z.ZodType, path: Path, root: unknown): string[] {
  let nodes: Def[] = open(definition(schema));
  for (const key of path) {
    nodes = nodes.flatMap((node) => {
      const next = node.shape?.[String(key)] ?? node.element ?? node.valueType ?? node.catchall;
      return next ? open(definition(next)) : [];
    });
  }
  const given = Object.keys((valueAt(root, path) as object | undefined) ?? {});
  const shapes = nodes.filter((node) => node.shape).map((node) => Object.keys(node.shape ?? {}));
  // Of several possible shapes, the one that shares most keys with what was written.
  shapes.sort((a, b) => shared(b, given) - shared(a, given));
  return shapes[0] ?? [];
}

function shared(keys: string[], given: string[]): number {
  return given.filter((key) => keys.includes(key) || nearest(key, keys) !== undefined).length;
}

interface Def {
  type: string;
  shape?: Record<string, z.ZodType>;
  element?: z.ZodType;
  valueType?: z.ZodType;
  innerType?: z.ZodType;
  options?: z.ZodType[];
  in?: z.ZodType;
  out?: z.ZodType;
  catchall?: z.ZodType;
  getter?: () => z.ZodType;
}

function definition(schema: z.ZodType): Def {
  return schema._zod.def as unknown as Def;
}

/** Looks through wrappers (optional, default, pipe, lazy) and into every branch of a union. */
function open(def: Def): Def[] {
  const inner =
    def.options ?? [def.innerType, def.in, def.out, def.getter?.()].filter((schema) => schema !== undefined);
  return inner.length ? inner.flatMap((schema) => open(definition(schema))) : [def];
}

function outOfRange(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig, got: unknown): string {
  if (
    issue.code === 'too_small' &&
    issue.minimum === 1 &&
    issue.origin !== 'number' &&
    issue.origin !== 'int'
  )
    return issue.origin === 'string' ? 'must not be empty' : 'must have at least one entry';
  const bound = issue.code === 'too_small' ? `at least ${issue.minimum}` : `at most ${issue.maximum}`;
  const unit = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' entries' : '';
  return `${show(got)} is out of range: must be ${bound}${unit}`;
}

function isMapping(expected: string): boolean {
  return articles[expected] === 'a mapping';
}

function mappingOf(keys: readonly string[]): string | undefined {
  return keys.length
    ? `Write a mapping, such as '{ ${keys[0]}: … }', with the keys ${keys.join(', ')}.`
    : undefined;
}

/** How what was meant would be written. */
function respelling(expected: string, got: unknown): string | undefined {
  if (expected === 'array' && ['string', 'number'].includes(typeof got))
    return `Write a list: [${String(got)}].`;
  if (expected === 'boolean') return 'Write true or false, without quotes.';
  if (expected === 'string' && ['number', 'boolean'].includes(typeof got))
    return `Write it in quotes: '${String(got)}'.`;
  return undefined;
}

const articles: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  null: 'nothing',
};

function article(expected: string): string {
  return articles[expected] ?? expected;
}

/** A value as an error shows it: short, on one line, its kind visible. */
export function show(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'string') return `'${shorten(value)}'`;
  if (Array.isArray(value)) return `a list (${shorten(JSON.stringify(value))})`;
  if (typeof value === 'object') return `a mapping (${shorten(JSON.stringify(value))})`;
  return String(value);
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 80 ? `${line.slice(0, 77)}…` : line;
}
