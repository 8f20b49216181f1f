import type { Schema } from './compact.ts';

/**
 * `value` without the properties that its schema does not describe, and the paths of those. GitHub ignores them, so
 * a misspelt one goes unnoticed in production; here it is found.
 */
export function keepDescribed(
  schema: Schema,
  value: unknown,
  resolve: (schema: Schema) => Schema,
): { value: unknown; unknown: string[] } {
  const unknown: string[] = [];
  const keep = (at: Schema, inner: unknown, path: string): unknown => {
    if (Array.isArray(inner)) {
      const items = resolve(at).items;
      return items ? inner.map((item, i) => keep(items, item, `${path}[${i}]`)) : inner;
    }
    const known = describedProperties(at, resolve);
    if (typeof inner !== 'object' || inner === null || !known) return inner;
    const kept: Record<string, unknown> = {};
    for (const [name, property] of Object.entries(inner)) {
      const propertyPath = path ? `${path}.${name}` : name;
      const propertySchema = Object.hasOwn(known, name) ? known[name] : undefined;
      if (propertySchema) kept[name] = keep(propertySchema, property, propertyPath);
      else unknown.push(propertyPath);
    }
    return kept;
  };
  return { value: keep(schema, value, ''), unknown };
}

/** Undefined when a schema does not limit which properties there are. */
function describedProperties(
  schema: Schema,
  resolve: (schema: Schema) => Schema,
): Record<string, Schema> | undefined {
  const resolved = resolve(schema);
  if (resolved.additionalProperties) return undefined;
  const parts = [...(resolved.allOf ?? []), ...(resolved.anyOf ?? [])].map((part) =>
    describedProperties(part, resolve),
  );
  const described = Object.assign({}, ...parts.filter(Boolean), resolved.properties) as Record<
    string,
    Schema
  >;
  return Object.keys(described).length > 0 ? described : undefined;
}
