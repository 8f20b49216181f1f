import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Document, LineCounter, Node, Pair, YAMLMap } from 'yaml';
import { messageOf, type Place, throwAll, UserError } from './errors.ts';
import { nearest, suggest } from './nearest.ts';
import { describeIssues, type Path, pathText } from './schema-problems.ts';

/** mlops.yaml: `with:` for every action in one file, with overlays under `environments:`. */
export interface ConfigFile {
  /** As a reader finds it, relative to the workspace. */
  readonly name: string;
  /** Inputs that the file sets for an action, the overlay of `environment` laid over them, one by one. */
  section(action: string, environment: string | undefined): Map<string, ConfigValue>;
  /** Everything wrong in the sections of other actions, so that it is found before hours of training. */
  problemsOutside(action: string): Promise<UserError[]>;
}

export interface ConfigValue {
  value: unknown;
  /** How a scalar is spelled in the file, so that the version 3.10 does not become the number 3.1. */
  source: string | undefined;
  path: Path;
  /** Where the value at a path below this one stands. */
  place(below: Path): Place;
}

/** Reads a config file; undefined when it does not exist and was not asked for by name. */
export async function readConfigFile(
  folder: string,
  name: string | undefined,
  shown: (path: string) => string,
): Promise<ConfigFile | undefined> {
  const path = join(folder, name ?? 'mlops.yaml');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && name === undefined) return undefined;
    throw new UserError(`the config file '${shown(path)}' ${whyUnreadable(error as NodeJS.ErrnoException)}`, {
      advice: "Check the input 'config'; it is relative to 'working-directory'.",
    });
  }
  return parseConfigFile(text, shown(path));
}

function whyUnreadable(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'does not exist';
  return error.code === 'EISDIR' ? 'is a folder' : `cannot be read: ${messageOf(error)}`;
}

export async function parseConfigFile(text: string, name: string): Promise<ConfigFile> {
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: true });
  throwAll(
    document.errors.map(
      (error) =>
        new UserError(`${name} is not valid YAML: ${firstLine(error.message)}`, {
          file: name,
          ...position(lines, error.pos[0]),
        }),
    ),
  );
  const root = values(document, name);
  if (root !== null && (typeof root !== 'object' || Array.isArray(root)))
    throw new UserError('the file must be a mapping of action names to their inputs', {
      file: name,
      line: 1,
      advice: "For example: 'train:' with 'run: python train.py' below it.",
    });

  const file = new ParsedFile(
    name,
    document,
    lines,
    (root ?? {}) as Record<string, unknown>,
    yaml.isPair,
    yaml.isMap,
  );
  throwAll(file.structuralProblems());
  return file;
}

function values(document: Document, name: string): unknown {
  try {
    return document.toJS();
  } catch (error) {
    // An alias without its anchor, or one that would expand without end.
    throw new UserError(`${name} is not valid YAML: ${messageOf(error)}`, { file: name, cause: error });
  }
}

class ParsedFile implements ConfigFile {
  readonly name: string;
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #root: Record<string, unknown>;
  readonly #isPair: (node: unknown) => node is Pair;
  readonly #isMap: (node: unknown) => node is YAMLMap;

  constructor(
    name: string,
    document: Document,
    lines: LineCounter,
    root: Record<string, unknown>,
    isPair: (node: unknown) => node is Pair,
    isMap: (node: unknown) => node is YAMLMap,
  ) {
    this.name = name;
    this.#document = document;
    this.#lines = lines;
    this.#root = root;
    this.#isPair = isPair;
    this.#isMap = isMap;
  }

  section(action: string, environment: string | undefined): Map<string, ConfigValue> {
    const values = new Map<string, ConfigValue>();
    for (const path of [[action], ...this.#overlay(environment).map((key) => ['environments', key, action])])
      for (const [key, value] of Object.entries((this.#at(path) ?? {}) as object))
        values.set(key, this.#value([...path, key], value));
    return values;
  }

  async problemsOutside(action: string): Promise<UserError[]> {
    const [{ fromJSONSchema }, { default: json }] = await Promise.all([
      import('zod'),
      import('../../../mlops.schema.json', { with: { type: 'json' } }),
    ]);
    const schema = fromJSONSchema(json as Parameters<typeof fromJSONSchema>[0]);
    const result = schema.safeParse(this.#root);
    if (result.success) return [];
    return describeIssues(schema, this.#root, result.error.issues)
      .filter(({ path }) => path[path[0] === 'environments' ? 2 : 0] !== action)
      .map(({ path, message, advice }) => this.error(path, message, advice));
  }

  /** What no schema is needed for: sections and overlays must be mappings. */
  structuralProblems(): UserError[] {
    const problems: UserError[] = [];
    const mapping = (path: Path) => {
      const value = this.#at(path);
      const isMapping =
        value === undefined || value === null || (typeof value === 'object' && !Array.isArray(value));
      if (!isMapping) problems.push(this.error(path, 'must be a mapping of names to values', undefined));
      return isMapping ? Object.keys(value ?? {}) : [];
    };
    for (const section of mapping([]).filter((key) => key !== 'environments')) mapping([section]);
    for (const environment of mapping(['environments']))
      for (const section of mapping(['environments', environment]))
        mapping(['environments', environment, section]);
    return problems;
  }

  error(path: Path, message: string, advice: string | undefined): UserError {
    return new UserError(`${pathText(path)}: ${message}`, { ...this.#place(path), advice });
  }

  /** The overlay's key, if it has one. An environment without overlay is fine, a near miss of one is a mistake. */
  #overlay(environment: string | undefined): string[] {
    const known = Object.keys((this.#root.environments as object | undefined) ?? {});
    if (!environment || known.includes(environment)) return environment ? [environment] : [];
    if (nearest(environment, known))
      throw new UserError(`environment '${environment}' has no overlay under 'environments:'`, {
        ...this.#place(['environments']),
        advice: suggest(environment, known),
      });
    return [];
  }

  #value(path: Path, value: unknown): ConfigValue {
    const node = this.#document.getIn(path, true) as { source?: string } | undefined;
    return { value, source: node?.source, path, place: (below) => this.#place([...path, ...below]) };
  }

  #at(path: Path): unknown {
    return path.reduce<unknown>(
      (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
      this.#root,
    );
  }

  /** The position of the key at `path`, or of the nearest thing above it that the file holds. */
  #place(path: Path): Place {
    let node: unknown = this.#document.contents;
    let offset = (node as Node | null)?.range?.[0] ?? 0;
    for (const key of path) {
      const pair = this.#isMap(node)
        ? node.items.find(
            (item) => this.#isPair(item) && String((item.key as { value?: unknown })?.value) === String(key),
          )
        : undefined;
      const next = pair?.value ?? (node as { items?: unknown[] } | undefined)?.items?.[Number(key)];
      const start = ((pair?.key ?? next) as Node | undefined)?.range?.[0];
      if (start === undefined) break;
      [offset, node] = [start, next];
    }
    return { file: this.name, ...position(this.#lines, offset) };
  }
}

function position(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/ at line \d+, column \d+:?$/, '');
}
