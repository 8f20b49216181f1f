import { join } from 'node:path';
import { Unsure } from './unsure.ts';
import { isMapping, type Mapping, type Value } from './yaml.ts';

/** Reads a file with parameters or variables, by its path relative to the working directory. */
export type ReadValues = (file: string) => Promise<Value | undefined>;

/** Where the values come from that every dvc.yaml sees. */
const defaultFile = 'params.yaml';

/** The values that `${…}` in a dvc.yaml may name: params.yaml where it is there, and the section `vars`. */
export async function contextOf(vars: Value | undefined, read: ReadValues): Promise<Mapping> {
  const values = await read(defaultFile);
  if (values !== undefined && values !== null && !isMapping(values))
    throw new Unsure(`${defaultFile} is not a mapping`);
  return extended(values ?? {}, vars, '.', read);
}

/** With `vars` added: mappings, and names of files in a folder (`file.yaml`, `file.json:key,key`). */
export async function extended(
  context: Mapping,
  vars: Value | undefined,
  folder: string,
  read: ReadValues,
): Promise<Mapping> {
  if (vars === undefined) return context;
  if (!Array.isArray(vars)) throw new Unsure('vars is not a list');
  if (JSON.stringify(vars, (_, value) => (typeof value === 'bigint' ? '' : value)).includes('${'))
    throw new Unsure('vars has a template');
  let result = context;
  for (const item of vars)
    result = merged(result, isMapping(item) ? item : await valuesOf(item, folder, read));
  return result;
}

async function valuesOf(item: Value, folder: string, read: ReadValues): Promise<Mapping> {
  if (typeof item !== 'string') throw new Unsure('vars has an item that is no file');
  const [file = '', keys] = item.split(':');
  const path = join(folder, file);
  const values = await read(path);
  if (!isMapping(values)) throw new Unsure(`vars names ${path}, which is not a mapping`);
  if (path === defaultFile && keys === undefined) return {}; // These are there already.
  if (keys === undefined) return values;
  const names = keys.split(',').filter(Boolean);
  if (names.some((name) => !Object.hasOwn(values, name)))
    throw new Unsure(`vars names keys of ${path} that are not there`);
  return Object.fromEntries(names.map((name) => [name, values[name] as Value]));
}

/** Mappings are merged; any other value may be given once only. */
function merged(into: Mapping, other: Mapping): Mapping {
  const result = { ...into };
  for (const [key, value] of Object.entries(other)) {
    const before = Object.hasOwn(into, key) ? into[key] : undefined;
    if (before === undefined) result[key] = value;
    else if (isMapping(before) && isMapping(value)) result[key] = merged(before, value);
    else throw new Unsure(`'${key}' has a value twice`);
  }
  return result;
}

/** The value with everything in `${…}` put in its place, in nested values, too. */
export function interpolate(value: Value, context: Mapping): Value {
  if (typeof value === 'string') {
    const result = interpolateText(value, context);
    if (isNested(result)) throw new Unsure('a template stands for a list or a mapping');
    return result;
  }
  if (Array.isArray(value)) return value.map((item) => interpolate(item, context));
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      textOf(interpolateText(key, context)),
      interpolate(inner, context),
    ]),
  );
}

function interpolateText(text: string, context: Mapping): Value {
  if (!text.includes('${')) return text;
  if (text.includes('\\${')) throw new Unsure('a template is escaped');
  const whole = /^\$\{([^}]*)\}$/.exec(text);
  if (whole) return select(whole[1] as string, context);
  return text.replace(/\$\{(.*?)\}/g, (_, name: string) => textOf(select(name, context)));
}

/** `a.b`, `a[0].b`: the value of that name. */
function select(name: string, context: Mapping): Value {
  if (!/^[\w-]+((\.[\w-]+)|(\[[\w-]+\]))*$/.test(name)) throw new Unsure(`the template '${name}' is unusual`);
  let value: Value | undefined = context;
  for (const part of name.replaceAll('[', '.').replaceAll(']', '').split('.')) {
    if (Array.isArray(value)) value = /^\d+$/.test(part) ? value[Number(part)] : undefined;
    else value = isMapping(value) && Object.hasOwn(value, part) ? value[part] : undefined;
    if (value === undefined) throw new Unsure(`'${name}' has no value`);
  }
  return value;
}

/** A value inside a text, as DVC writes it there. */
export function textOf(value: Value): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return pythonNumber(value);
  throw new Unsure('a template stands for a list, a mapping or nothing');
}

/** A floating-point number as Python prints it: the digits are JavaScript's, the notation is not. */
export function pythonNumber(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const [digits = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power < -4 || power >= 16)
    return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
  if (power < 0) return value.toFixed(digits.replace(/[-.]/g, '').length - 1 - power);
  const text = String(value);
  return text.includes('.') ? text : `${text}.0`;
}

/**
 * The stages that a `foreach` or `matrix` stands for: what follows `@` in their names, and the values they see.
 * Undefined for a definition that stands for itself.
 */
export function members(definition: Mapping, context: Mapping): [string, Mapping][] | undefined {
  if (definition.matrix !== undefined) return matrixMembers(resolved(definition.matrix, context));
  if (definition.foreach === undefined) return undefined;
  const items = resolved(definition.foreach, context);
  if (isMapping(items)) return Object.entries(items).map(([key, item]) => [key, { key, item }]);
  if (!Array.isArray(items)) throw new Unsure('foreach is neither a list nor a mapping');
  const byIndex = items.some(isNested);
  return distinct(items.map((item, i) => [byIndex ? String(i) : textOf(item), { item }]));
}

/** Here templates may stand for lists and mappings. */
function resolved(value: Value, context: Mapping): Value {
  if (typeof value === 'string') return interpolateText(value, context);
  if (Array.isArray(value)) return value.map((item) => resolved(item, context));
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolved(inner, context)]));
}

function matrixMembers(matrix: Value): [string, Mapping][] {
  if (!isMapping(matrix) || !Object.values(matrix).every(Array.isArray))
    throw new Unsure('matrix is not a mapping of lists');
  let rows: { parts: string[]; item: Mapping }[] = [{ parts: [], item: {} }];
  for (const [name, values] of Object.entries(matrix as Record<string, Value[]>))
    rows = rows.flatMap(({ parts, item }) =>
      values.map((value, i) => ({
        parts: [...parts, isNested(value) ? `${name}${i}` : textOf(value)],
        item: { ...item, [name]: value },
      })),
    );
  return distinct(
    rows.map(({ parts, item }): [string, Mapping] => {
      const key = parts.join('-');
      return [key, { key, item }];
    }),
  );
}

function distinct(rows: [string, Mapping][]): [string, Mapping][] {
  if (new Set(rows.map(([key]) => key)).size < rows.length) throw new Unsure('two members have one name');
  return rows;
}

function isNested(value: Value): boolean {
  return typeof value === 'object' && value !== null;
}
