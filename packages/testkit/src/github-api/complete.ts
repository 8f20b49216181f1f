import type { Schema } from './compact.ts';
import type { JsonObject } from './schemas.ts';

export interface Completion {
  resolve(schema: Schema): Schema;
  /** The value of each required URL that nothing is known about. */
  unknownUrl: string;
  now: string;
}

/**
 * Makes a whole response body out of what the server knows: every required property that `known` lacks gets a
 * neutral value (null, false, 0, an empty list). A property the schema does not have is a mistake in this server.
 */
export function complete(schema: Schema, known: unknown, context: Completion): unknown {
  const resolved = flatten(schema, known, context);
  if (known === undefined) return neutral(resolved, context);
  if (known === null || typeof known !== 'object') return known;
  if (Array.isArray(known)) {
    return resolved.items ? known.map((item) => complete(resolved.items as Schema, item, context)) : known;
  }
  return completeObject(resolved, known as JsonObject, context);
}

function completeObject(schema: Schema, known: JsonObject, context: Completion): JsonObject {
  const properties = schema.properties ?? {};
  const body: JsonObject = {};
  for (const [name, value] of Object.entries(known)) {
    if (value === undefined) continue;
    const property = properties[name];
    if (!property && schema.properties && !schema.additionalProperties) {
      throw new Error(
        `GitHub's response has no property ${name}; it has ${Object.keys(properties).join(', ')}`,
      );
    }
    body[name] = property ? complete(property, value, context) : value;
  }
  for (const name of schema.required ?? []) {
    if (!(name in body)) body[name] = complete(properties[name] ?? {}, undefined, context);
  }
  return body;
}

function neutral(schema: Schema, context: Completion): unknown {
  const types = [schema.type ?? (schema.properties ? 'object' : [])].flat();
  if (types.includes('null') || types.length === 0) return null;
  if (schema.enum) return schema.enum[0];
  switch (types[0]) {
    case 'string':
      return neutralText(schema.format, context);
    case 'integer':
    case 'number':
      return schema.minimum ?? 0;
    case 'boolean':
      return false;
    case 'array':
      return [];
    default:
      return completeObject(schema, {}, context);
  }
}

function neutralText(format: string | undefined, context: Completion): string {
  if (format === 'date-time') return context.now;
  if (format === 'date') return context.now.slice(0, 10);
  if (format === 'uri' || format === 'uri-template') return context.unknownUrl;
  if (format === 'email') return 'noreply@example.com';
  return '';
}

/** Replaces references, allOf and anyOf by one plain schema: of alternatives, the first that suits the value. */
function flatten(schema: Schema, known: unknown, context: Completion): Schema {
  const resolved = context.resolve(schema);
  const { allOf, anyOf, ...own } = resolved;
  const chosen = anyOf?.map((option) => flatten(option, known, context));
  const suitable = chosen?.find((option) => suits(option, known)) ?? chosen?.[0];
  const parts = [
    own,
    ...(allOf ?? []).map((part) => flatten(part, known, context)),
    ...(suitable ? [suitable] : []),
  ];
  return {
    ...Object.assign({}, ...parts),
    ...(parts.some((part) => part.properties) && {
      properties: Object.assign({}, ...parts.map((part) => part.properties)),
    }),
    required: parts.flatMap((part) => part.required ?? []),
  };
}

function suits(option: Schema, known: unknown): boolean {
  const types = [option.type ?? (option.properties ? 'object' : [])].flat();
  if (known === undefined || known === null) return types.includes('null');
  if (Array.isArray(known)) return types.includes('array');
  if (typeof known === 'number') return types.includes('integer') || types.includes('number');
  if (typeof known !== 'object') return types.includes(typeof known);
  const properties = option.properties;
  return types.includes('object') && (!properties || Object.keys(known).every((name) => name in properties));
}
