import type * as z from 'zod';

/** What a plain input may be, in the words of JSON Schema. A schema library would double the start of an action. */
export type PlainSchema =
  | { type: 'string'; enum?: readonly string[]; minLength?: number; pattern?: string; patternHint?: string }
  | { type: 'boolean' }
  | { type: 'integer' | 'number'; minimum: number; maximum: number }
  | { type: 'array'; items: PlainSchema };

type Issue = z.core.$ZodIssue;

/** What is wrong with a value, in the form in which zod reports it for structured ones. */
export function issuesOf(schema: PlainSchema, value: unknown, path: PropertyKey[] = []): Issue[] {
  switch (schema.type) {
    case 'string':
      return stringIssues(schema, value, path);
    case 'boolean':
      return typeof value === 'boolean' ? [] : [wrongType('boolean', path)];
    case 'integer':
    case 'number':
      return numberIssues(schema, value, path);
    case 'array':
      if (!Array.isArray(value)) return [wrongType('array', path)];
      return value.flatMap((item, i) => issuesOf(schema.items, item, [...path, i]));
  }
}

function stringIssues(
  schema: PlainSchema & { type: 'string' },
  value: unknown,
  path: PropertyKey[],
): Issue[] {
  if (schema.enum)
    return schema.enum.includes(value as string)
      ? []
      : [{ code: 'invalid_value', values: [...schema.enum], path, message: '' }];
  if (typeof value !== 'string') return [wrongType('string', path)];
  if (schema.minLength && value.length < schema.minLength)
    return [{ code: 'too_small', origin: 'string', minimum: schema.minLength, path, message: '' }];
  if (schema.pattern && !new RegExp(schema.pattern).test(value))
    return [{ code: 'custom', path, message: schema.patternHint ?? `must match ${schema.pattern}` }];
  return [];
}

function numberIssues(
  schema: PlainSchema & { type: 'integer' | 'number' },
  value: unknown,
  path: PropertyKey[],
): Issue[] {
  if (typeof value !== 'number') return [wrongType('number', path)];
  const { type, minimum, maximum } = schema;
  if (type === 'integer' && !Number.isSafeInteger(value)) return [wrongType('int', path)];
  if (!Number.isFinite(value)) return [wrongType('number', path)];
  const origin = type === 'integer' ? 'int' : 'number';
  if (value < minimum) return [{ code: 'too_small', origin, minimum, path, message: '' }];
  if (value > maximum) return [{ code: 'too_big', origin, maximum, path, message: '' }];
  return [];
}

function wrongType(expected: 'string' | 'boolean' | 'number' | 'int' | 'array', path: PropertyKey[]): Issue {
  return { code: 'invalid_type', expected, path, message: '' };
}
