import { readFile } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { messageOf, nearest, type Place, UserError } from '@mlops/core';
import type { Alias, Document, LineCounter, Node, Scalar, YAMLMap, YAMLSeq } from 'yaml';

/**
 * One value of the parameters file. `text` is what cache keys compare: the value as it is spelled, because Python reads
 * `1e-4` as text and `1.0e-4` as a number; comments, layout, the order of keys and needless quotes do not count.
 */
export interface Parameter {
  text: string;
  value: unknown;
}

/** The values of a parameters file by dotted key; a list is one value. */
export interface Parameters {
  /** As a reader finds it, relative to the workspace. */
  readonly file: string;
  readonly all: ReadonlyMap<string, Parameter>;
  /** The values at and below dotted keys. Throws where the file lacks one. */
  select(keys: readonly string[], stage: string): Record<string, Parameter>;
}

/** Reads a parameters file; undefined when there is none. `workspace` only shortens names in errors. */
export async function readParameters(
  folder: string,
  name: string,
  workspace: string,
): Promise<Parameters | undefined> {
  const path = join(folder, name);
  const shown = isAbsolute(relative(workspace, path))
    ? path
    : relative(workspace, path).replaceAll('\\', '/');
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new UserError(`the parameters file '${shown}' cannot be read: ${messageOf(error)}`, {
      advice: "Check the input 'params-file'; it is relative to 'working-directory'.",
    });
  });
  return text === undefined ? undefined : parseParameters(text, shown);
}

export async function parseParameters(text: string, file: string): Promise<Parameters> {
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: true });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    const message = (error.message.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
    throw new UserError(`not valid YAML: ${message}`, { file, line, column: col });
  }
  if (document.contents && !yaml.isMap(document.contents))
    throw new UserError('the parameters must be a mapping of names to values', { file, line: 1 });
  const flat = new Flattening(yaml, document, lines);
  if (document.contents) flat.add(document.contents, '');
  return {
    file,
    all: flat.values,
    select: (keys, stage) =>
      Object.assign({}, ...keys.map((key) => below(flat.values, key) ?? missing(flat, key, stage, file))),
  };
}

/** Parameters of a file and of a command together; a command's own win. */
export function withValues(
  parameters: Parameters | undefined,
  values: ReadonlyMap<string, string>,
): Parameters | undefined {
  if (!values.size) return parameters;
  const own = [...values].map(([name, value]): [string, Parameter] => [name, { text: value, value }]);
  const base = parameters ?? { file: 'parameters', all: new Map(), select: () => ({}) };
  return { ...base, all: new Map([...base.all, ...own]) };
}

/** The values at and below a dotted key. */
function below(all: ReadonlyMap<string, Parameter>, key: string): Record<string, Parameter> | undefined {
  const found = [...all].filter(([name]) => name === key || name.startsWith(`${key}.`));
  return found.length ? Object.fromEntries(found) : undefined;
}

function missing(flat: Flattening, key: string, stage: string, file: string): never {
  const names = [...flat.places.keys()];
  let parent = key;
  while (parent && !flat.places.has(parent)) parent = parent.slice(0, Math.max(0, parent.lastIndexOf('.')));
  const siblings = names.filter(
    (name) => (parent ? name.startsWith(`${parent}.`) : true) && depth(name) === depth(parent) + 1,
  );
  const near = nearest(key, names);
  const list = siblings.length ? `${parent ? `'${parent}' has` : 'It has'} ${siblings.join(', ')}.` : '';
  throw new UserError(`stage '${stage}': the parameter '${key}' is not in ${file}`, {
    ...(flat.places.get(parent) ?? { line: 1 }),
    file,
    advice: [near ? `Did you mean '${near}'?` : '', list].filter(Boolean).join(' ') || `${file} is empty.`,
  });
}

function depth(name: string): number {
  return name ? name.split('.').length : 0;
}

/** Gathers the values of a document by dotted key, with aliases and merge keys followed. */
class Flattening {
  readonly values = new Map<string, Parameter>();
  /** Where each key stands, of mappings too. */
  readonly places = new Map<string, Place>();
  readonly #yaml: typeof import('yaml');
  readonly #document: Document;
  readonly #lines: LineCounter;

  constructor(yaml: typeof import('yaml'), document: Document, lines: LineCounter) {
    this.#yaml = yaml;
    this.#document = document;
    this.#lines = lines;
  }

  add(node: Node | null, name: string): void {
    const resolved = this.#resolve(node);
    const entries = this.#yaml.isMap(resolved) ? this.#entries(resolved) : [];
    if (!entries.length && name)
      this.values.set(name, { text: this.#text(resolved), value: resolved?.toJS(this.#document) ?? null });
    for (const [key, { at, node }] of entries) {
      const full = name ? `${name}.${key}` : key;
      const { line, col } = this.#lines.linePos(at);
      this.places.set(full, { line, column: col });
      this.add(node, full);
    }
  }

  /** The pairs of a mapping, what `<<` merges in first, so that the mapping's own pairs win. */
  #entries(map: YAMLMap): [string, { at: number; node: Node | null }][] {
    const own = new Map<string, { at: number; node: Node | null }>();
    const merged = new Map<string, { at: number; node: Node | null }>();
    for (const pair of map.items) {
      const key = pair.key as Scalar;
      const value = this.#resolve(pair.value as Node | null);
      if (key.source === '<<' && key.type === 'PLAIN') {
        const sources = this.#yaml.isSeq(value) ? (value.items as Node[]) : [value];
        // Of several mappings the first one wins.
        for (const source of sources.toReversed().map((item) => this.#resolve(item)))
          if (this.#yaml.isMap(source))
            for (const [name, entry] of this.#entries(source)) merged.set(name, entry);
      } else own.set(String(key.source ?? key.value), { at: key.range?.[0] ?? 0, node: value });
    }
    return [...new Map([...merged, ...own])];
  }

  #text(node: Node | null): string {
    const resolved = this.#resolve(node);
    if (!resolved) return 'null';
    if (this.#yaml.isSeq(resolved))
      return `[${(resolved as YAMLSeq<Node>).items.map((item) => this.#text(item)).join(', ')}]`;
    if (this.#yaml.isMap(resolved)) {
      const entries = this.#entries(resolved).sort(([a], [b]) => (a < b ? -1 : 1));
      return `{${entries.map(([key, { node }]) => `${key}: ${this.#text(node)}`).join(', ')}}`;
    }
    const { source = '', type, value } = resolved as Scalar;
    if (typeof value === 'string' && isTextAnyway(value))
      return isWord(value) ? value : JSON.stringify(value);
    return type === 'PLAIN' ? source || 'null' : JSON.stringify(value);
  }

  #resolve(node: Node | null): Node | null {
    if (!node || !this.#yaml.isAlias(node)) return node;
    return (node as Alias).resolve(this.#document) ?? null;
  }
}

/**
 * Whether every reader of YAML takes this for text with and without quotes: it is none of the words, and cannot be a
 * number, a date or a special sign, which YAML 1.1 has more of than 1.2.
 */
function isTextAnyway(text: string): boolean {
  if (/^(|y|n|yes|no|on|off|true|false|null|nan|inf)$/i.test(text)) return false;
  return /^[^-+.\d~=<]/.test(text) || /[^\w.+:~ -]/.test(text);
}

function isWord(text: string): boolean {
  return /^[a-z_][\w./-]*$/i.test(text);
}
