/** What the server needs of an OpenAPI 3.0 document, with its schemas as JSON Schema. */
export interface Description {
  operations: Operation[];
  schemas: Record<string, Schema>;
}

export interface Operation {
  /** GitHub's name for it, such as `issues/create-comment`. */
  id: string;
  method: string;
  /** Path template, such as `/repos/{owner}/{repo}/issues/{issue_number}/comments`. */
  path: string;
  docs: string;
  parameters: Parameter[];
  body?: { required: boolean; contentType: string; schema: Schema };
  /** JSON schema of each documented response; null where a response has no JSON body. */
  responses: Record<string, Schema | null>;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query';
  required: boolean;
  /** The value may contain slashes, as the name of a branch does. */
  multiSegment: boolean;
  schema: Schema;
}

/** A JSON Schema; references have the form `github#/schemas/<name>`. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  enum?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  format?: string;
  default?: unknown;
  [keyword: string]: unknown;
}

export const SCHEMA_ID = 'github';
const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head'];
const COPIED_KEYWORDS = [
  'type',
  'enum',
  'required',
  'format',
  'default',
  'pattern',
  'minimum',
  'maximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
];

// biome-ignore lint/suspicious/noExplicitAny: a foreign document of 13 MB, read only here.
type Json = any;

/** Drops prose and examples, resolves parameters and responses, and turns OpenAPI 3.0 schemas into JSON Schema. */
export function compactDescription(document: Json): Description {
  const resolve = (node: Json): Json =>
    node.$ref
      ? node.$ref
          .slice(2)
          .split('/')
          .reduce((at: Json, key: string) => at[key], document)
      : node;
  const operations: Operation[] = [];
  for (const [path, item] of Object.entries<Json>(document.paths)) {
    for (const method of METHODS) {
      if (item[method]) operations.push(compactOperation(path, method, item[method], resolve));
    }
  }
  const schemas = Object.entries<Json>(document.components.schemas);
  return {
    operations,
    schemas: Object.fromEntries(schemas.map(([name, schema]) => [name, jsonSchema(schema)])),
  };
}

function compactOperation(
  path: string,
  method: string,
  operation: Json,
  resolve: (node: Json) => Json,
): Operation {
  const parameters = ((operation.parameters ?? []) as Json[]).map(resolve);
  const body = operation.requestBody && resolve(operation.requestBody);
  const [contentType, media] = Object.entries<Json>(body?.content ?? {})[0] ?? [];
  return {
    id: operation.operationId,
    method: method.toUpperCase(),
    path,
    docs: operation.externalDocs?.url ?? '',
    parameters: parameters
      .filter((parameter) => parameter.in === 'path' || parameter.in === 'query')
      .map((parameter) => ({
        name: parameter.name,
        in: parameter.in,
        required: parameter.required === true,
        multiSegment: parameter['x-multi-segment'] === true,
        schema: jsonSchema(parameter.schema),
      })),
    ...(contentType && {
      body: { required: body.required === true, contentType, schema: jsonSchema(media.schema ?? {}) },
    }),
    responses: Object.fromEntries(
      Object.entries<Json>(operation.responses).map(([status, response]) => {
        const schema = resolve(response).content?.['application/json']?.schema;
        return [status, schema ? jsonSchema(schema) : null];
      }),
    ),
  };
}

function jsonSchema(source: Json): Schema {
  if (source.$ref) {
    return { $ref: source.$ref.replace('#/components', `${SCHEMA_ID}#`) };
  }
  const schema: Schema = {};
  for (const keyword of COPIED_KEYWORDS) {
    if (source[keyword] !== undefined) schema[keyword] = source[keyword];
  }
  // An address may be '' where GitHub says so by its default, though '' is not of the format it gives.
  if (schema.default === '') delete schema.format;
  if (source.properties) {
    schema.properties = Object.fromEntries(
      Object.entries<Json>(source.properties).map(([name, property]) => [name, jsonSchema(property)]),
    );
  }
  if (source.items) schema.items = jsonSchema(source.items);
  if (typeof source.additionalProperties === 'boolean')
    schema.additionalProperties = source.additionalProperties;
  else if (source.additionalProperties) schema.additionalProperties = jsonSchema(source.additionalProperties);
  if (source.allOf) schema.allOf = source.allOf.map(jsonSchema);
  // GitHub's oneOf alternatives overlap (a simple user is also a full user), so "at least one" is what they mean.
  const alternatives = source.anyOf ?? source.oneOf;
  if (alternatives) schema.anyOf = alternatives.map(jsonSchema);
  return source.nullable ? nullable(schema) : schema;
}

/** OpenAPI 3.0 says `nullable: true` where JSON Schema lists null among the types. */
function nullable(schema: Schema): Schema {
  if (schema.anyOf || schema.allOf || schema.type === undefined) return { anyOf: [schema, { type: 'null' }] };
  const types = [...[schema.type].flat(), 'null'];
  return { ...schema, type: types, ...(schema.enum && { enum: [...new Set([...schema.enum, null])] }) };
}
