import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import { type Description, type Operation, SCHEMA_ID, type Schema } from './compact.ts';

export type JsonObject = Record<string, unknown>;

/** Checks requests and responses against GitHub's description. Validators are compiled when first used. */
export interface Schemas {
  /** Types the text of path and query parameters and fills in defaults; problems in GitHub's wording. */
  parameters(operation: Operation, raw: JsonObject): { values: JsonObject; problems: string[] };
  body(operation: Operation, body: unknown): string[];
  response(operation: Operation, status: number, body: unknown): string[];
  /** Follows references, so that the result has no `$ref`. */
  resolve(schema: Schema): Schema;
}

export function createSchemas(description: Description): Schemas {
  const options = { strict: false, allErrors: true, logger: false } as const;
  const exact = withFormats(new Ajv(options), description);
  // Parameters arrive as text; a list of one is indistinguishable from a single value.
  const coercing = withFormats(new Ajv({ ...options, coerceTypes: 'array', useDefaults: true }), description);
  const compiled = new Map<string, ValidateFunction>();
  const validator = (key: string, ajv: Ajv, schema: Schema): ValidateFunction => {
    const known = compiled.get(key) ?? ajv.compile(schema);
    compiled.set(key, known);
    return known;
  };

  return {
    parameters(operation, raw) {
      const values = structuredClone(raw);
      const validate = validator(`${operation.id} parameters`, coercing, parameterSchema(operation));
      validate(values);
      return { values, problems: describe(validate.errors) };
    },
    body(operation, body) {
      if (!operation.body) return [];
      const validate = validator(`${operation.id} body`, exact, operation.body.schema);
      validate(body);
      return describe(validate.errors);
    },
    response(operation, status, body) {
      const schema = operation.responses[status];
      if (schema === undefined) return [`status ${status} is not documented`];
      if (schema === null) return body === undefined ? [] : [`status ${status} has no body`];
      const validate = validator(`${operation.id} ${status}`, exact, schema);
      validate(body);
      return describe(validate.errors);
    },
    resolve: (schema) => resolve(description, schema),
  };
}

function withFormats(ajv: Ajv, description: Description): Ajv {
  addFormats.default(ajv);
  // Added as it is: references are compiled on demand, which keeps the start of a test fast.
  ajv.addSchema({ $id: SCHEMA_ID, schemas: description.schemas }, undefined, false, false);
  return ajv;
}

function resolve(description: Description, schema: Schema): Schema {
  let resolved = schema;
  while (resolved.$ref) {
    const name = resolved.$ref.slice(`${SCHEMA_ID}#/schemas/`.length);
    const target = description.schemas[name];
    if (!target) throw new Error(`GitHub's description has no schema ${name}`);
    resolved = target;
  }
  return resolved;
}

function parameterSchema(operation: Operation): Schema {
  return {
    type: 'object',
    properties: Object.fromEntries(operation.parameters.map(({ name, schema }) => [name, schema])),
    required: operation.parameters.filter(({ required }) => required).map(({ name }) => name),
  };
}

/** The sentences of GitHub's own "Invalid request." answers. */
function describe(errors: ErrorObject[] | null | undefined): string[] {
  return (errors ?? []).map((error) => {
    const where = error.instancePath ? `For 'properties${error.instancePath}', ` : '';
    const parameters = error.params as Record<string, unknown>;
    switch (error.keyword) {
      case 'required':
        return `${where}"${parameters.missingProperty}" wasn't supplied.`;
      case 'type':
        return `${where}the value is not ${article([parameters.type].flat().join(' or '))}.`;
      case 'enum':
        return `${where}the value is not a member of ${JSON.stringify(parameters.allowedValues)}.`;
      case 'maxItems':
        return `${where}no more than ${parameters.limit} items are allowed.`;
      case 'maxLength':
        return `${where}only ${parameters.limit} characters are allowed.`;
      default:
        return `${where}${error.message}.`;
    }
  });
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}
