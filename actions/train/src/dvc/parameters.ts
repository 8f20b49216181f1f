import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { ReadValues } from './templating.ts';
import { Unsure } from './unsure.ts';
import { isMapping, readJson, readYaml, type Value } from './yaml.ts';

/** Reads parameters files by path, each once. Throws Unsure for TOML and Python, which only DVC reads. */
export function valueReader(folder: string): ReadValues {
  const read = new Map<string, Promise<Value | undefined>>();
  return (file) => {
    const reading = read.get(file) ?? readValues(folder, file);
    read.set(file, reading);
    return reading;
  };
}

async function readValues(folder: string, file: string): Promise<Value | undefined> {
  const text = await readFile(join(folder, file), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new Unsure(`${file} cannot be read`);
  });
  if (text === undefined) return undefined;
  const extension = extname(file).toLowerCase();
  if (extension === '.json') return readJson(text, file);
  if (extension === '.toml' || extension === '.py') throw new Unsure(`${file} is not YAML or JSON`);
  return (await readYaml(text, file)).value;
}

/** The value of a dotted key; undefined when there is none. */
export function valueAt(values: Value | undefined, key: string): Value | undefined {
  if (!/^[\w -]+(\.[\w -]+)*$/.test(key)) throw new Unsure(`the parameter '${key}' is a pattern`);
  let value = values;
  for (const part of key.split('.')) {
    if (Array.isArray(value)) throw new Unsure(`the parameter '${key}' is inside a list`);
    if (!isMapping(value) || !Object.hasOwn(value, part)) return undefined;
    value = value[part];
  }
  return value;
}
